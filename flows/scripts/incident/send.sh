# send.sh: hands the notification to the command that sends it, on standard input.
sh -c "$PARAM_NOTIFY" < "$ARTIFACTS/notification.md"
echo "handed over"
