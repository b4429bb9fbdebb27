// How a program lies in dist: few files, because each module that Node loads takes it half a millisecond.
//
//   <name>.js               the entry, which answers for the version alone
//   run-<name>-<hash>.js    all of our code
//   <package>-<hash>.js     each package that only some runs load, and what such packages share
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

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

/** The programs; `packages` are those of the list above that each may load. */
export const programs = {
  tspack: { entry: "lifecycle/cli/tspack.ts", run: "run-tspack", packages: Object.keys(packages) },
  lifecycle: { entry: "lifecycle/cli/lifecycle.ts", run: "run-lifecycle", packages: ["undici", "execa"] },
};

/** Bundles the programs of these names into a directory. Returns what went into them, as esbuild's metafiles. */
export async function bundlePrograms(names, options, outdir) {
  const used = [...new Set(names.flatMap((name) => programs[name].packages))];
  const entryPoints = Object.fromEntries(used.map((name) => [name, packages[name]]));
  const hashed = { ...options, entryNames: "[name]-[hash]", outdir };
  const made = [(await build({ ...hashed, entryPoints })).metafile];
  const files = new Map(used.map((name) => [name, outputOf(name, outdir)]));
  for (const name of names) {
    const { entry, run } = programs[name];
    const whole = { ...hashed, splitting: false, plugins: [...options.plugins, beside(files)] };
    made.push((await build({ ...whole, entryPoints: { [run]: `lifecycle/cli/${run}.ts` } })).metafile);
    const plugins = [...options.plugins, beside(new Map([[run, outputOf(run, outdir)]]))];
    made.push(
      (await build({ ...options, outdir, splitting: false, plugins, entryPoints: { [name]: entry } })).metafile,
    );
  }
  return made;
}

function outputOf(name, outdir) {
  const file = readdirSync(outdir).find((entry) => new RegExp(`^${name}-[A-Z0-9]{8}\\.js$`).test(entry));
  if (file === undefined) throw new Error(`the bundle has no file for ${name}`);
  return file;
}

/** Lazy imports of these modules are left to Node, which finds them beside the file. */
function beside(files) {
  return {
    name: "beside",
    setup({ onResolve }) {
      onResolve({ filter: /^[a-z-]+$|\/third-party\/|\/run-/ }, ({ path, kind }) => {
        const file = kind === "dynamic-import" ? files.get(basename(path, ".ts")) : undefined;
        return file === undefined ? undefined : { path: `./${file}`, external: true };
      });
    },
  };
}
