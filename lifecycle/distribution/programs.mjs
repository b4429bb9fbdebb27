// How a program lies in dist: few files, because each module that Node loads takes it half a millisecond.
//
//   <name>.js               the entry, which answers for the version alone
//   run-<name>-<hash>.cjs   all of our code; for what is done often, only that which it takes (parts)
//   <package>-<hash>.js     each package that only some runs load, and what such packages share
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { nodeModulesAtUse, ofEntries, requireOfNode } from "./node-modules.mjs";

/** Where `third-party/` has a module for the package, that is what is imported. */
const own = (name) => join("lifecycle/third-party", `${name}.ts`);

/** Packages that our code imports lazily, by name: what is bundled. One that is missing here ends up in `run-<name>`. */
const packages = {
  undici: own("undici"),
  "undici-downloads": own("undici-downloads"),
  yauzl: own("yauzl"),
  ignore: own("ignore"),
  "tar-stream": own("tar-stream"),
  execa: "execa",
  openpgp: "openpgp",
};

/** The programs; `packages` are those of the list above that each may load, `runs` what the entry chooses from. */
export const programs = {
  tspack: {
    entry: "lifecycle/cli/tspack.ts",
    runs: {
      "run-tspack": "lifecycle/cli/run-tspack.ts",
      "run-inspect": "lifecycle/cli/parts/run-inspect.ts",
      "run-images": "lifecycle/cli/parts/run-images.ts",
      "run-config": "lifecycle/cli/parts/run-config.ts",
      "run-rebase": "lifecycle/cli/parts/run-rebase.ts",
      "run-help": "lifecycle/cli/parts/run-help.ts",
    },
    packages: Object.keys(packages),
  },
  lifecycle: {
    entry: "lifecycle/cli/lifecycle.ts",
    runs: {
      "run-lifecycle": "lifecycle/cli/run-lifecycle.ts",
      "run-buildpacks": "lifecycle/cli/parts/run-buildpacks.ts",
      "run-analyze": "lifecycle/cli/parts/run-analyze.ts",
      "run-restore": "lifecycle/cli/parts/run-restore.ts",
      "run-export": "lifecycle/cli/parts/run-export.ts",
    },
    packages: ["undici", "execa"],
  },
};

/** Bundles the programs of these names into a directory. Returns what went into them, as esbuild's metafiles. */
export async function bundlePrograms(names, options, outdir) {
  const used = [...new Set(names.flatMap((name) => programs[name].packages))];
  const entryPoints = Object.fromEntries(used.map((name) => [name, packages[name]]));
  const hashed = { ...options, entryNames: "[name]-[hash]", outdir };
  const made = [(await build({ ...hashed, entryPoints })).metafile];
  const sources = join(options.absWorkingDir, "lifecycle");
  const atUse = nodeModulesAtUse(sources);
  const files = new Map(used.map((name) => [name, outputOf(name, outdir)]));
  for (const name of names) {
    const { entry, runs } = programs[name];
    for (const [run, file] of Object.entries(runs)) {
      const plugins = [...options.plugins, ...(run === "run-help" ? [withoutWork] : []), beside(files), atUse];
      made.push((await build({ ...hashed, ...asScript(options), plugins, entryPoints: { [run]: file } })).metafile);
      importByEntry(join(outdir, outputOf(run, outdir)));
    }
    const chosen = Object.fromEntries(Object.keys(runs).map((run) => [run, outputOf(run, outdir)]));
    const define = { ...options.define, TSPACK_SCRIPTS: JSON.stringify(chosen) };
    const whole = {
      ...options,
      splitting: false,
      banner: {},
      define,
      plugins: [...options.plugins, nodeModulesAtUse(sources, ofEntries)],
    };
    made.push((await build({ ...whole, outdir, entryPoints: { [name]: entry } })).metafile);
  }
  return made;
}

/** A function that `script.ts` calls; what is a module's own comes as its arguments. */
function asScript({ define }) {
  return {
    format: "cjs",
    splitting: false,
    outExtension: { ".js": ".cjs" },
    define: { ...define, "import.meta.url": "__url" },
    banner: { js: `(function(module,__url,__import){"use strict";${requireOfNode}` },
    footer: { js: "})" },
  };
}

/** Node loads modules for scripts only as an experiment, which it warns of: the entry does it. */
function importByEntry(file) {
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(/\bimport\((?=")/g, "__import("));
}

function outputOf(name, outdir) {
  const file = readdirSync(outdir).find((entry) => new RegExp(`^${name}-[A-Z0-9]{8}\\.c?js$`).test(entry));
  if (file === undefined) throw new Error(`the bundle has no file for ${name}`);
  return file;
}

/** Lazy imports of these modules are left to Node, which finds them beside the file. */
function beside(files) {
  return {
    name: "beside",
    setup({ onResolve }) {
      onResolve({ filter: /^[a-z-]+$|\/third-party\// }, ({ path, kind }) => {
        const file = kind === "dynamic-import" ? files.get(basename(path, ".ts")) : undefined;
        return file === undefined ? undefined : { path: `./${file}`, external: true };
      });
    },
  };
}

/** Help is made of the tree of commands alone: what they do is never asked for. */
const withoutWork = {
  name: "without-work",
  setup({ onResolve }) {
    onResolve({ filter: /\/commands\// }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "node:process", external: true } : undefined,
    );
  },
};
