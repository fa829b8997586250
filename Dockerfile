# One image with all four binaries: producer, consumer, api, replay-rebuild.
#
#   docker build -t food-orders .
#   docker run --rm food-orders producer --help
#
# It builds with BuildKit and with the classic builder (docker-compose 1.29). rust-toolchain.toml is left out on purpose: the base
# image has a compiler of the same release, and rustup must not fetch another one.

# ---- only the manifests: this stage changes only if a dependency or a crate does, so the layer of built dependencies is kept
FROM rust:1.95-bookworm AS manifests
WORKDIR /build
COPY . .
# Every crate is emptied. The sources of `tests`, `bench` and the examples are not sent to the build, but Cargo needs the root
# file of each member.
RUN for member in tests bench examples/*; do mkdir -p $member/src && touch $member/src/lib.rs || exit 1; done \
 && find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path '*/src/lib.rs' ! -path '*/src/main.rs' ! -name build.rs ! -path './.cargo/*' -delete \
 && find . -type d -empty -delete \
 && find . -name lib.rs -exec sh -c ': > "$1"' _ {} \; \
 && find . \( -name main.rs -o -name build.rs \) -exec sh -c 'echo "fn main() { }" > "$1"' _ {} \;

FROM rust:1.95-bookworm AS build
# librdkafka builds from source with its own configure and make. The base image has these packages today; naming them keeps the
# build working if it stops having them.
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ libssl-dev make pkg-config zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY --from=manifests /build .
RUN cargo build --release --locked -p producer -p consumer -p api -p replay-rebuild
COPY . .
# Cargo compares time stamps: the real sources must be newer than the empty ones built above.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
 && cargo build --release --locked -p producer -p consumer -p api -p replay-rebuild \
 && mkdir /binaries \
 # The line tables are kept for back traces, in compressed form.
 && for name in producer consumer api replay-rebuild; do \
      objcopy --compress-debug-sections=zlib target/release/$name /binaries/$name || exit 1; \
    done

FROM debian:bookworm-slim
# curl is needed by the health checks of docker-compose.yml.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl libssl3 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent food-orders \
 # For what must outlive a container, such as a generated admin token. Compose mounts a volume here.
 && install -d -o food-orders -g food-orders -m 0700 /var/lib/food-orders
COPY --from=build /binaries/ /usr/local/bin/
USER food-orders
CMD ["sh", "-c", "echo 'usage: docker run IMAGE producer|consumer|api|replay-rebuild [--help]' >&2; exit 2"]
