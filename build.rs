//! A new migration is part of the program, and cargo does not see it by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
