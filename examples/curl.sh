#!/usr/bin/env bash
# Generates an image and saves it:  PLANTAIN_TOKEN=… ./curl.sh 'a tin robot watering basil' robot
# Needs bash, curl, and node to read and write JSON.
set -euo pipefail

url=${PLANTAIN_URL:-http://127.0.0.1:4000}
token=${PLANTAIN_TOKEN:?set it to the output of \`plantain token --sub ana\`}
prompt=${1:?pass a prompt}
file=${2:-image}

query='mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) {
    __typename
    ... on TaskAccepted { task { id status failure { message advice } images { url contentType } } }
    ... on UserError { message }
  }
}'
# The idempotency key makes the request safe to repeat: it returns the same task, which is charged once.
request=$(QUERY=$query PROMPT=$prompt KEY=$(date +%s)-$$ node -p 'JSON.stringify({
  query: process.env.QUERY,
  variables: { input: { prompt: process.env.PROMPT, idempotencyKey: process.env.KEY, waitSeconds: 60 } },
})')

answer='' # the last response; `of PATH` reads a field of its result
of() { node -p "JSON.parse(fs.readFileSync(0)).data?.generateImages$1 ?? ''" <<<"$answer"; }

status=''
until [[ $status =~ ^(SUCCEEDED|FAILED|CANCELED)$ ]]; do
  answer=$(curl --silent --show-error --fail-with-body --max-time 90 --retry 5 --retry-connrefused \
    --header "authorization: Bearer $token" --json "$request" "$url/graphql") || {
    [[ $? =~ ^(52|56)$ ]] && continue # the connection was lost during the wait
    echo "$answer" >&2
    exit 1
  }
  status=$(of .task?.status)
  [ -n "$status" ] || { echo "$answer" >&2; exit 1; }
  echo "$(of .task.id): $status"
done
[ "$status" = SUCCEEDED ] || { of '.task.failure?.message' >&2; of '.task.failure?.advice' >&2; exit 1; }

file=$file.$(of .task.images[0].contentType | cut -d/ -f2)
curl --silent --show-error --fail --max-time 60 --retry 5 --output "$file" "$(of .task.images[0].url)"
echo "$file"
