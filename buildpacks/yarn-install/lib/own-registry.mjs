// Lets the packages of a lock file of Yarn 1 come from one registry: node own-registry.mjs LOCK REGISTRY
// Only addresses of packages in a registry's usual form, with a SHA-512, are changed: what they bring is still checked.
import { readFileSync, writeFileSync } from "node:fs";

const [lockFile, registry] = process.argv.slice(2);
const ENTRY =
  /^ {2}resolved "https?:\/\/[^/"]+\/(?:[^"]*?\/)??((?:@[^/"]+\/)?[^/"]+\/-\/[^/"]+\.tgz)(#[0-9a-f]+)?"\n(?= {2}integrity "?[^\n]*sha512-)/gm;

const text = readFileSync(lockFile, "utf8");
writeFileSync(
  lockFile,
  text.replace(ENTRY, (_, path, hash = "") => `  resolved "${registry}/${path}${hash}"\n`),
);
