// Modules of Node that our programs load when something of them is used first, not when they start: each takes Node
// 0.3 to 3 ms, and most runs use few of them. esbuild leaves `import { createHash } from "node:crypto"` at the top of
// the bundle otherwise, whichever file of ours it is for, and Node loads WebCrypto for it as well.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const usuallyLate = [
  "child_process",
  "crypto",
  "net",
  "os",
  "stream",
  "stream/promises",
  "timers/promises",
  "tty",
  "util",
  "v8",
  "worker_threads",
  "zlib",
];

/** What else is left to its use in the entries, which are modules: Node loads streams for an `import` of `node:fs`. */
export const ofEntries = ["fs", "path", "url", "vm"];

/** esbuild's plugin for it; `sources` is the folder of our code, whose imports are read. */
export function nodeModulesAtUse(sources, more = []) {
  const late = [...usuallyLate, ...more];
  const filter = new RegExp(`^(?:node:)?(?:${late.join("|")})$`);
  return {
    name: "node-modules-at-use",
    setup({ onResolve, onLoad }) {
      const used = importedNames(sources, late);
      onResolve({ filter }, ({ path, kind, importer }) => {
        const name = path.replace("node:", "");
        if (kind === "import-statement" && used.has(name)) return { path: name, namespace: "node-at-use" };
        // Of the packages that are always loaded, commander alone takes one: for subcommands that are programs.
        if (kind === "require-call" && /\/commander\//.test(importer)) return { path: name, namespace: "node-at-use" };
        return undefined;
      });
      // A CommonJS module: what is imported from one stays a property for esbuild, which is read at each use.
      onLoad({ filter: /./, namespace: "node-at-use" }, ({ path }) => ({
        contents: atUse(path, used.get(path) ?? new Set()),
      }));
    },
  };
}

function atUse(name, names) {
  const load = `process.getBuiltinModule("node:${name}")`;
  if (names.has("*")) return `module.exports = ${load};`;
  const properties = Array.from(names).map((each) => `get ${each}() { return ${load}.${each}; }`);
  // Whoever imports the default asks for what only some versions of Node have.
  return `module.exports = new Proxy({ ${properties.join(", ")} }, { get: (_, name) => ${load}[name] });`;
}

/** What our sources import from modules of Node, by the module's name; `*` for all of it. */
function importedNames(sources, late) {
  const found = new Map(late.map((name) => [name, new Set()]));
  const files = readdirSync(sources, { recursive: true }).filter((file) => file.endsWith(".ts"));
  for (const file of files) {
    const text = readFileSync(join(sources, file), "utf8");
    for (const [, what, name] of text.matchAll(/^import (\{[^}]*\}|\* as \w+) from "node:([a-z0-9_/]+)";$/gm)) {
      for (const each of what.startsWith("*") ? ["*"] : namesIn(what)) found.get(name)?.add(each);
    }
  }
  return found;
}

const namesIn = (list) =>
  list
    .slice(1, -1)
    .split(",")
    .map((each) => each.trim().replace(/ as .*/, ""))
    .filter((each) => each !== "" && !each.startsWith("type "));

/** For packages in CommonJS form: what they ask for by require() are modules of Node, or missing. */
export const requireOfNode =
  "const require=(name)=>{const found=process.getBuiltinModule(name);if(found)return found;" +
  "throw Object.assign(new Error(`Cannot find module '${name}'`),{code:\"MODULE_NOT_FOUND\"})};";
