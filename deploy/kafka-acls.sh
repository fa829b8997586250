#!/usr/bin/env bash
#
# deploy/kafka-acls.sh - grants the least rights in Kafka, if the brokers have an authorizer. An administrator runs it once;
# to run it again changes nothing. Its arguments go to Kafka's own tool:
#
#   deploy/kafka-acls.sh --bootstrap-server HOST:PORT --command-config admin.properties
#
#   KAFKA_TOPIC=food-orders              the topic
#   KAFKA_GROUP_ID=order-processors      the consumer group
#   KAFKA_WRITER=User:food-orders-producer   the principal of producer
#   KAFKA_READER=User:food-orders        the principal of consumer, api and replay-rebuild
#   KAFKA_CREATOR=                       the principal that may create the topic; none if it exists
#   KAFKA_ACLS_TOOL=kafka-acls.sh        Kafka's tool, such as `./food-orders kafka acls`
#
# docs/operations.md says what each right is for.
set -euo pipefail

topic=${KAFKA_TOPIC:-food-orders}
group=${KAFKA_GROUP_ID:-order-processors}
writer=${KAFKA_WRITER:-User:food-orders-producer}
reader=${KAFKA_READER:-User:food-orders}
creator=${KAFKA_CREATOR:-}
read -ra tool <<< "${KAFKA_ACLS_TOOL:-kafka-acls.sh}"
connection=("$@")

allow() { # allow PRINCIPAL FLAG...
  local principal=$1
  shift
  "${tool[@]}" "${connection[@]}" --add --allow-principal "$principal" "$@"
}

allow "$writer" --operation Write --operation DescribeConfigs --topic "$topic"
# Of `producer --transactional`.
allow "$writer" --operation Write --transactional-id "food-orders-producer-$topic"

allow "$reader" --operation Read --operation DescribeConfigs --topic "$topic"
# The group, and the names of readers that join no group, which begin with it.
allow "$reader" --operation Read --group "$group" --resource-pattern-type prefixed

if [ -n "$creator" ]; then
  allow "$creator" --operation Create --topic "$topic"
fi
