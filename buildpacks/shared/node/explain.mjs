// Tells what an error of a package manager means: place, what was wanted and what was found; then the remedy.
//   node explain.mjs LOG APPLICATION LOCK REMEDY
// Prints two lines, or nothing where the log has no error that is known. npm-install, pnpm-install and yarn-install each
// have this file. Only lines of the managers themselves count: a script of a package may fail for the same reasons.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

const [logFile = "", application = ".", lock = "", remedy = ""] = process.argv.slice(2);
const log = stripVTControlCharacters(readFileSync(logFile, "utf8"));

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

const linesOf = (file) => {
  const path = join(application, file);
  return file !== "" && existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
};

/** "FILE:LINE: " of the first line that fits, looked for in one file after the other; nothing where there is none. */
const placeOf = (pattern, files) => {
  for (const file of files) {
    const index = linesOf(file).findIndex((line) => pattern.test(line));
    if (index >= 0) return `${file}:${index + 1}: `;
  }
  return "";
};

/** Where a package is asked for, or else where it is locked. */
const wantedAt = (name) =>
  placeOf(new RegExp(`^\\s*"${escaped(name)}"\\s*:`), ["package.json"]) ||
  placeOf(new RegExp(`(^|[\\s"'/])${escaped(name)}["'@:]`), [lock]);

/** Where a package is locked: by its hash when that is known. */
const lockedAt = (name, hash) =>
  (hash ? placeOf(new RegExp(escaped(hash)), [lock]) : "") ||
  placeOf(new RegExp(`(^|[\\s"'/])${escaped(name)}["'@:]`), [lock, "package.json"]);

const settings = "NPM_CONFIG_REGISTRY, or registry=… in .npmrc";

const mismatch = ({ name, url, wanted, got }) => {
  const found = name ?? /\/((?:@[^/]+\/)?[^/]+)\/-\//.exec(decodeURIComponent(url ?? ""))?.[1] ?? "a package";
  const hashes = got === undefined ? "" : `: expected ${wanted ?? "that of the lock"}, got ${got}`;
  return [
    `${lockedAt(found, wanted)}${found} does not match its hash${hashes}`,
    `nothing of it was kept; try again, or check the registry; if the package was changed on purpose: "${remedy}"`,
  ];
};

const noVersion = ({ name, range }) => [
  `${wantedAt(name)}no version of ${name} satisfies "${range}"`,
  `choose a version that the registry has, or check the registry: ${settings}`,
];

const noPackage = ({ name }) => [
  `${wantedAt(name)}the registry does not have the package ${name}`,
  `correct the name, or name the registry that has it: ${settings}; a private one wants a token there`,
];

const wrongNode = ({ name, version, range, got }) => [
  `${wantedAt(name)}${name}@${version} does not work with the Node.js of this build: expected ${range}, found ${got}`,
  `ask for such a Node.js in engines.node of package.json, or for another version of ${name}`,
];

const refused = ({ code }) => [
  `the registry of npm packages refuses access${code ? ` (${code})` : ""}`,
  `give the build its token: an _authToken in .npmrc; the registry comes from ${settings}`,
];

const unreachable = ({ reason }) => [
  `the registry of npm packages could not be reached: ${reason}`,
  `check that the build may use the network, HTTPS_PROXY and SSL_CERT_FILE, and the registry: ${settings}`,
];

const NPM = String.raw`^npm (?:error|ERR!) `;
const NAME = String.raw`(?<name>@?[^@\s"']+)`;
const FAULTS = String.raw`ECONN\w+|ENOTFOUND|EAI_AGAIN|E\w*TIMEDOUT|E\w*UNREACH|ERR_SOCKET_TIMEOUT|\w*CERT\w*|UNABLE_TO_\w+`;

/** What the managers say, and who explains it: the first that fits. */
const KNOWN = [
  [
    `^npm warn tarball tarball data for ${NAME}@[\\s\\S]*?${NPM}code EINTEGRITY[\\s\\S]*?wanted (?<wanted>\\S+) but got (?<got>\\S+?)\\.?\\s`,
    mismatch,
  ],
  [`${NPM}code EINTEGRITY[\\s\\S]*?wanted (?<wanted>\\S+) but got (?<got>\\S+?)\\.?\\s`, mismatch],
  [
    'ERR_PNPM_TARBALL_INTEGRITY\\s+Got unexpected checksum for "(?<url>[^"]+)"\\. Wanted "(?<wanted>[^"]+)"\\. Got "(?<got>[^"]+)"',
    mismatch,
  ],
  [`^error .*Integrity check failed for "(?<name>[^"]+)" \\(computed.*got "(?<got>[^" ]+)`, mismatch],
  [`YN0018: │ ${NAME}@`, mismatch],
  [`${NPM}(?:notarget )?No matching version found for ${NAME}@(?<range>.+?)\\.$`, noVersion],
  [`ERR_PNPM_NO_MATCHING_VERSION\\s+No matching version found for ${NAME}@(?<range>.+?)(?: while|$)`, noVersion],
  [`^error Couldn't find any versions for "(?<name>[^"]+)" that matches "(?<range>[^"]+)"`, noVersion],
  [`YN0082: │ ${NAME}@npm:(?<range>.+?): No candidates found`, noVersion],
  [`${NPM}code E404[\\s\\S]*?resource '${NAME}@`, noPackage],
  [`ERR_PNPM_FETCH_404[\\s\\S]*?^${NAME} is not in the npm registry`, noPackage],
  [`^error Couldn't find package "(?<name>[^"]+)"`, noPackage],
  [`YN0035: │ ${NAME}@npm:.*: Package not found`, noPackage],
  [
    `${NPM}code EBADENGINE[\\s\\S]*?notsup .*: ${NAME}@(?<version>\\S+)$[\\s\\S]*?Required: .*"node":"(?<range>[^"]+)".*$[\\s\\S]*?Actual:.*"node":"v?(?<got>[^"]+)"`,
    wrongNode,
  ],
  [
    `ERR_PNPM_UNSUPPORTED_ENGINE[\\s\\S]*?incompatible with "${NAME}@(?<version>[^"]+)"[\\s\\S]*?Expected version: (?<range>.+)$[\\s\\S]*?Got: (?<got>.+)$`,
    wrongNode,
  ],
  [
    `^error ${NAME}@(?<version>\\S+): The engine "node" is incompatible with this module\\. Expected version "(?<range>[^"]+)"\\. Got "(?<got>[^"]+)"`,
    wrongNode,
  ],
  [`${NPM}code (?<code>E40[13])$|ERR_PNPM_FETCH_40[13]|YN0041: `, refused],
  [`${NPM}code (?<reason>${FAULTS}|E5\\d\\d)$`, unreachable],
  [
    `ERR_PNPM_(?:META_FETCH_FAIL|FETCH_5\\d\\d).*?(?:reason: )?(?<reason>(?:\\w+ )?(?:${FAULTS}).*|5\\d\\d)$`,
    unreachable,
  ],
  [`^error .*?(?<reason>\\w* ?\\b(?:${FAULTS})\\b.*)$`, unreachable],
  [`YN0001: │ (?:Request|Timeout)Error: (?<reason>.+)$`, unreachable],
];

for (const [pattern, explain] of KNOWN) {
  const match = new RegExp(pattern, "m").exec(log);
  if (match === null) continue;
  const oneLine = (text) => text.replace(/\s+/g, " ").trim();
  process.stdout.write(
    `${explain(match.groups ?? {})
      .map(oneLine)
      .join("\n")}\n`,
  );
  break;
}
