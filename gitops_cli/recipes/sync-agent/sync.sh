#!/bin/sh
# Makes the namespace $NAMESPACE follow the directory of its name: one image per version file.
# Needs kubectl and a ServiceAccount that may get and patch the workloads, nothing else.
set -eu
: "${NAMESPACE:?is not set: which environment?}"
cd "$(dirname "$0")/../$NAMESPACE"

failed=0
complain() {
  echo "$NAMESPACE/$1: $2" >&2
  failed=1
}

# Prints the one word that a file holds; fails where it has none or several, as after a merge.
word() (
  set -f
  # shellcheck disable=SC2046 # to be split
  set -- $(tr '\r' '\n' <"$1")
  [ $# -eq 1 ] && printf '%s\n' "$1"
)

images_path=$(word images_path) || images_path=
case $images_path in
  # Without an end of its own the service's name would stick to it.
  *[!A-Za-z0-9_.:/-]* | -* | '' | *[!/_-]) complain images_path "holds no path of images"; exit 1 ;;
esac

for file in *.deployment *.statefulset *.daemonset *.cronjob; do
  # One that leads elsewhere is never read; without a word its service would be forgotten.
  [ ! -L "$file" ] || { complain "$file" "is a symbolic link"; continue; }
  [ -f "$file" ] || continue
  service=${file%.*} kind=${file##*.}
  case $service in
    *[!a-z0-9-]* | -* | '') complain "$file" "is not the name of a workload"; continue ;;
  esac
  version=$(word "$file") || version=
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
