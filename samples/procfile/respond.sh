#!/usr/bin/env bash
# Answers one HTTP request: standard input is what was asked, standard output what is answered.
set -euo pipefail

respond() {
  local status=$1 body=$2
  printf 'HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
    "$status" "$(printf '%s' "$body" | wc -c)" "$body"
}

read -r -t 10 method path _
# The rest of the head, to its empty line.
while IFS= read -r -t 10 line && [[ -n ${line%$'\r'} ]]; do :; done

case "$method $path" in
  "GET /") respond "200 OK" "Hello from Bash $BASH_VERSION: ask for /sum/1/2/3"$'\n' ;;
  "GET /sum/"*)
    numbers=${path#/sum/}
    if [[ $numbers =~ ^[0-9]{1,9}(/[0-9]{1,9}){0,20}$ ]]; then
      sum=0
      for number in ${numbers//\// }; do sum=$((sum + 10#$number)); done
      respond "200 OK" "${numbers//\// + } = $sum"$'\n'
    else
      respond "400 Bad Request" "numbers, please: /sum/1/2/3"$'\n'
    fi
    ;;
  *) respond "404 Not Found" "not found"$'\n' ;;
esac
