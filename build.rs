//! The binary embeds the migrations. Without this, cargo does not rebuild when one is added.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
