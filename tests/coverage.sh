#!/usr/bin/env bash
# Line coverage after the tests have run in build/coverage: protocol/ and agent/ have a floor each.
set -euo pipefail
cd "$(dirname "$0")/.."

# folder and the least per cent of its lines that tests must reach
check_folder() {
  local folder=$1 floor=$2
  gcovr --root . --object-directory build/coverage --filter "$folder/" --exclude-throw-branches \
    --exclude-unreachable-branches --gcov-ignore-parse-errors --fail-under-line "$floor" --txt "build/coverage/$folder.txt" 2>"build/coverage/$folder.log"
  awk -v folder="$folder" -v floor="$floor" '/^TOTAL/ { print folder "/: " $4 " of lines, at least " floor "% wanted" }' \
    "build/coverage/$folder.txt"
}
check_folder protocol 95
check_folder agent 90
