# One image for all four binaries: producer, consumer, api, replay-rebuild.
#
#   docker build -t food-orders .
#   docker run --rm food-orders producer --help
#
# Works with BuildKit and with the classic builder (docker-compose 1.29). rust-toolchain.toml stays outside, on purpose:
# the image's own compiler is of that release, and rustup must not fetch another one.

# ---- the manifests alone: changes only when a dependency or a crate does, so the layer with all dependencies is kept
FROM rust:1.95-bookworm AS manifests
WORKDIR /build
COPY . .
# Every crate becomes an empty one. `tests` and `bench` are not sent to the build, but Cargo wants each member's root file.
RUN mkdir -p tests/src bench/src && touch tests/src/lib.rs bench/src/lib.rs \
 && find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path '*/src/lib.rs' ! -path '*/src/main.rs' ! -name build.rs -delete \
 && find . -type d -empty -delete \
 && find . -name lib.rs -exec sh -c ': > "$1"' _ {} \; \
 && find . \( -name main.rs -o -name build.rs \) -exec sh -c 'echo "fn main() { }" > "$1"' _ {} \;

FROM rust:1.95-bookworm AS build
# For librdkafka, which builds from source with its own configure and make. The image has them today; nothing else is needed.
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ libssl-dev make pkg-config zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY --from=manifests /build .
RUN cargo build --release --locked -p producer -p consumer -p api -p replay-rebuild
COPY . .
# Cargo goes by time stamps: the real sources must be younger than the empty ones built above.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
 && cargo build --release --locked -p producer -p consumer -p api -p replay-rebuild \
 && mkdir /binaries \
 # The line tables stay, for back traces, but small.
 && for name in producer consumer api replay-rebuild; do \
      objcopy --compress-debug-sections=zlib target/release/$name /binaries/$name || exit 1; \
    done

FROM debian:bookworm-slim
# curl is for the health checks.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl libssl3 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent food-orders \
 # What must outlive a container, such as a generated admin token; compose mounts a volume here.
 && install -d -o food-orders -g food-orders -m 0700 /var/lib/food-orders
COPY --from=build /binaries/ /usr/local/bin/
USER food-orders
CMD ["sh", "-c", "echo 'usage: docker run IMAGE producer|consumer|api|replay-rebuild [--help]' >&2; exit 2"]
