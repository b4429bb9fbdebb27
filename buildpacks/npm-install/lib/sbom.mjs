// Prints a CycloneDX 1.5 bill of materials of a lock file (version 2 or 3, or npm's hidden one):
//   node sbom.mjs LOCK EXECUTION_ENVIRONMENT
// The same lock gives the same bytes: no time, no serial number, sorted by name and version.
import { readFileSync } from "node:fs";

const [lockFile, execEnv] = process.argv.slice(2);
const lock = JSON.parse(readFileSync(lockFile, "utf8"));

const excludes = (rules, value) =>
  Array.isArray(rules) &&
  rules.length > 0 &&
  (rules.includes(`!${value}`) || (!rules.some((rule) => rule.startsWith("!")) && !rules.includes(value)));

/** Not installed on this machine: a package for another system, which a lock lists, too. */
const isForeign = (entry) =>
  entry.optional === true && (excludes(entry.os, process.platform) || excludes(entry.cpu, process.arch));

const purlOf = (name, version) => {
  const path = name.startsWith("@") ? `%40${name.slice(1)}` : name;
  return `pkg:npm/${path}@${encodeURIComponent(version)}`;
};

const hashesOf = (integrity) =>
  (integrity ?? "")
    .split(/\s+/)
    .filter((word) => word.startsWith("sha512-"))
    .slice(0, 1)
    .map((word) => ({ alg: "SHA-512", content: Buffer.from(word.slice(7), "base64").toString("hex") }));

const components = new Map();
for (const [path, entry] of Object.entries(lock.packages ?? {})) {
  const at = path.lastIndexOf("node_modules/");
  if (at < 0 || entry.link === true || entry.version === undefined || isForeign(entry)) continue;
  if (execEnv === "production" && entry.dev === true) continue;
  const name = entry.name ?? path.slice(at + "node_modules/".length);
  const purl = purlOf(name, entry.version);
  const hashes = hashesOf(entry.integrity);
  components.set(purl, {
    type: "library",
    "bom-ref": purl,
    name,
    version: entry.version,
    purl,
    ...(hashes.length > 0 ? { hashes } : {}),
    ...(typeof entry.license === "string" ? { licenses: [{ license: { name: entry.license } }] } : {}),
  });
}

const byCodeUnit = ([a], [b]) => (a < b ? -1 : Number(a > b));
const sorted = [...components].sort(byCodeUnit).map(([, component]) => component);
process.stdout.write(
  `${JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.5", version: 1, components: sorted }, null, 2)}\n`,
);
