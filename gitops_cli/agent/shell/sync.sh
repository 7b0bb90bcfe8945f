#!/bin/sh
# Makes the namespace $NAMESPACE follow the directory of its name: one image per version file.
# Needs kubectl and a ServiceAccount that may get and patch the workloads, nothing else.
set -eu
: "${NAMESPACE:?is not set: which environment?}"
cd "$(dirname "$0")/../$NAMESPACE"

images_path=$(tr -d '[:space:]' <images_path)
failed=0
complain() {
  echo "$NAMESPACE/$1: $2" >&2
  failed=1
}

for file in *.deployment *.statefulset *.daemonset *.cronjob; do
  [ -f "$file" ] && [ ! -L "$file" ] || continue
  service=${file%.*} kind=${file##*.}
  version=$(tr -d '[:space:]' <"$file")
  case $service in
    *[!a-z0-9-]* | -* | '') complain "$file" "is not the name of a workload"; continue ;;
  esac
  case $version in
    *[!A-Za-z0-9_.:@-]* | '') complain "$file" "holds no version"; continue ;;
  esac
  # One request for each service: either all of it is changed or nothing. One that fails does not
  # keep the others. Setting the same image again changes nothing.
  # No --request-timeout: with it kubectl overlooks the pod's own account.
  kubectl --namespace "$NAMESPACE" set image "$kind/$service" "$service=$images_path$service:$version" ||
    complain "$file" "could not be applied"
done
exit "$failed"
