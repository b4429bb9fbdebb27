import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import {
  codeBeside,
  compiledFile,
  compiledPath,
  exportsOf,
  runScript,
  scriptOf,
} from "../../lifecycle/distribution/script.ts";

const directory = realpathSync(mkdtempSync(join(tmpdir(), "tspack-script-")));
afterAll(() => rmSync(directory, { recursive: true }));

const file = join(directory, "run-some.cjs");
const wrapped = (body: string): string => `(function(module,__url,__import){"use strict";${body}})`;
const body = "function twice(n) { return 2 * n; } module.exports = { four: twice(2), url: __url, twice };";

/** Compiled code of the script, as the build leaves it. */
function compile(): Buffer {
  const script = scriptOf(file);
  exportsOf(script, file);
  const compiled = compiledFile(file, script.createCachedData());
  mkdirSync(dirname(compiledPath(file)), { recursive: true });
  writeFileSync(compiledPath(file), compiled);
  return compiled;
}

beforeEach(() => {
  rmSync(dirname(compiledPath(file)), { recursive: true, force: true });
  writeFileSync(file, wrapped(body));
});

test("a script gives what it exports, without compiled code as with it", () => {
  expect(runScript(file)).toMatchObject({ four: 4, url: `file://${file}` });
  compile();
  expect(runScript(file)).toMatchObject({ four: 4, url: `file://${file}` });
});

test("modules are loaded for a script", async () => {
  writeFileSync(file, wrapped('module.exports = { loaded: __import("node:path") };'));
  const { loaded } = runScript(file) as { readonly loaded: Promise<{ readonly sep: string }> };
  expect((await loaded).sep).toBe("/");
});

test("V8 takes the code that was compiled", () => {
  compile();
  const code = codeBeside(file);
  expect(code).toBeDefined();
  expect(scriptOf(file, code).cachedDataRejected).toBe(false);
});

test("V8 refuses code of a script that was changed", () => {
  compile();
  writeFileSync(file, wrapped(`${body} module.exports.four = 5;`));
  expect(scriptOf(file, codeBeside(file)).cachedDataRejected).toBe(true);
  expect(runScript(file)).toMatchObject({ four: 5 });
});

describe("compiled code is not used", () => {
  test("when there is none", () => {
    expect(codeBeside(file)).toBeUndefined();
  });

  test.each([0.01, 0.25, 0.5, 0.75, 0.999])("when it is damaged at %d of its length", (where) => {
    const bytes = compile();
    const at = Math.floor(where * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(compiledPath(file), bytes);
    expect(codeBeside(file)).toBeUndefined();
    expect(runScript(file)).toMatchObject({ four: 4 });
  });

  test.each([0, 1, 100])("when %d bytes of it are there", (length) => {
    writeFileSync(compiledPath(file), compile().subarray(0, length));
    expect(codeBeside(file)).toBeUndefined();
    expect(runScript(file)).toMatchObject({ four: 4 });
  });

  test("when another Node made it", () => {
    const bytes = compile().toString("latin1");
    writeFileSync(compiledPath(file), bytes.replace(`${process.version} `, "v1.2.3 "), "latin1");
    expect(codeBeside(file)).toBeUndefined();
    expect(runScript(file)).toMatchObject({ four: 4 });
  });

  test("when it was made for a file elsewhere", () => {
    const bytes = compile();
    const other = join(directory, "elsewhere", "run-some.cjs");
    mkdirSync(dirname(compiledPath(other)), { recursive: true });
    writeFileSync(other, readFileSync(file));
    writeFileSync(compiledPath(other), bytes);
    expect(codeBeside(other)).toBeUndefined();
    expect(runScript(other)).toMatchObject({ four: 4 });
  });
});
