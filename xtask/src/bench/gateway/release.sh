#!/bin/sh
# A release: nginx with the configuration beside it, on the port and the cores that it is told. A killed
# nginx is started anew after a second, as a service manager would do.
name="upstream-$RELEASE"
sed -e "s|@PORT@|$PORT|" -e "s|@NAME@|$STAND/$name|g" "$STAND/upstream.conf" > "$STAND/$name.conf"
echo "$PORT" > "$STAND/$name.port"
trap 'kill "$child"; wait "$child"; exit 0' TERM INT
while :; do
    taskset -c "$CORES" nginx -p "$STAND" -e stderr -c "$STAND/$name.conf" &
    child=$!
    wait "$child"
    sleep 1
done
