#!/bin/sh
# Writes an empty program or library for each target of the workspace, so that cargo can build the libraries alone.
set -eu
for folder in . crates/* tools/* benches/load benches/stock; do
  [ -e "$folder/Cargo.toml" ] || continue
  mkdir -p "$folder/src"
  : > "$folder/src/lib.rs"
  echo 'fn main() {}' > "$folder/src/main.rs"
done
mkdir -p benches tests/soak crates/graphql-engine/benches crates/graphql-engine/examples
echo 'fn main() {}' > benches/micro.rs
echo 'fn main() {}' > tests/soak/main.rs
echo 'fn main() {}' > crates/graphql-engine/benches/engine.rs
echo 'fn main() {}' > crates/graphql-engine/examples/library.rs
