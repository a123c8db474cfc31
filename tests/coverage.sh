#!/usr/bin/env bash
# Line coverage after the tests have run in build/asan: protocol/ and agent/ have a floor each.
set -euo pipefail
cd "$(dirname "$0")/.."

# folder and the least per cent of its lines that tests must reach
check_folder() {
  local folder=$1 floor=$2
  rm -f "build/asan/$folder.txt"
  local status=0
  gcovr --root . --object-directory build/asan --filter "$folder/" --exclude-throw-branches \
    --exclude-unreachable-branches --gcov-ignore-parse-errors --fail-under-line "$floor" --txt "build/asan/$folder.txt" 2>"build/asan/$folder.log" || status=$?
  if [ ! -s "build/asan/$folder.txt" ]; then
    echo "$folder/: gcovr counted no lines: $(tail -n 5 "build/asan/$folder.log")"
    return 1
  fi
  awk -v folder="$folder" -v floor="$floor" '/^TOTAL/ { print folder "/: " $4 " of lines, at least " floor "% wanted" }' \
    "build/asan/$folder.txt"
  return "$status"
}

failed=0
check_folder protocol 95 || failed=1
check_folder agent 90 || failed=1
exit "$failed"
