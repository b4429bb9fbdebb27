import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";

/** What a script is when it has run: the function that `programs.mjs` wraps our code in. */
type Wrapped = (
  module: { readonly exports: object },
  url: string,
  load: (specifier: string) => Promise<unknown>,
) => void;

/**
 * Runs a file of our bundle and gives what it exports. A script instead of a module, because V8 takes code that it
 * compiled before for scripts alone in Node 20: a third of a short run is compiling.
 */
export function runScript(file: string): unknown {
  return exportsOf(scriptOf(file, codeBeside(file)), file);
}

/** Runs a script and gives what it exports. */
export function exportsOf(script: Script, file: string): unknown {
  const module = { exports: {} };
  (script.runInThisContext() as Wrapped)(module, pathToFileURL(file).href, load);
  return module.exports;
}

/** What a script loads lies beside this file, as it does, or is installed. Its own `import()` is experimental in Node. */
const load = (specifier: string): Promise<unknown> => import(specifier);

/** A file of our bundle as a script. V8 does without `code` that another version or other options of it made. */
export function scriptOf(file: string, code?: Buffer): Script {
  // The bundler writes nothing but ASCII.
  return new Script(readFileSync(file, "latin1"), { filename: file, cachedData: code });
}

/** Where compiled code of a file lies. */
export function compiledPath(file: string): string {
  return join(dirname(file), "compiled", basename(file));
}

/**
 * Compiled code in the form of its file: twice, and then for which Node it is. V8 does not look for damage in it, and
 * would run what it finds; that both halves are damaged in the same way is as likely as that nothing is.
 */
export function compiledFile(file: string, code: Buffer): Buffer {
  return Buffer.concat([code, code, madeFor(file)]);
}

/** Compiled code beside a file; undefined when there is none, or none for this very Node, or it is damaged. */
export function codeBeside(file: string): Buffer | undefined {
  const bytes = readIfThere(compiledPath(file));
  if (bytes === undefined) return undefined;
  const node = madeFor(file);
  const [all, length] = [bytes.length - node.length, (bytes.length - node.length) / 2];
  if (all <= 0 || !Number.isInteger(length) || !bytes.subarray(all).equals(node)) return undefined;
  const code = bytes.subarray(0, length);
  return code.equals(bytes.subarray(length, all)) ? code : undefined;
}

/** This Node, as two builds of one version may differ, and the file, whose path is in the code for stack traces. */
function madeFor(file: string): Buffer {
  const { size, mtimeMs } = statSync(process.execPath);
  return Buffer.from(`\n${file} ${process.version} ${process.arch} ${size} ${mtimeMs} ${process.execPath}\n`);
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
