import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Context, silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { copyApplication, type IncludePath } from "../../../lifecycle/platform/build/application.ts";
import { bringApplication } from "../../../lifecycle/platform/build/bring-application.ts";
import { type CopyData, copyData, copyFileUnchanged } from "../../../lifecycle/platform/build/copy-entry.ts";
import { selectPaths } from "../../../lifecycle/platform/project/select-paths.ts";

let folder = "";
let app = "";
let copy = "";
let warnings: string[] = [];
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "tspack-copy-")));
  [app, copy] = [join(folder, "app"), join(folder, "copy")];
  mkdirSync(app);
  mkdirSync(copy);
  warnings = [];
});
afterEach(() => {
  execFileSync("chmod", ["-R", "u+rwX", folder]);
  rmSync(folder, { recursive: true, force: true });
});

const code = (value: string): object =>
  expect.objectContaining({ code: value, hint: expect.any(String) as string }) as object;
const context = (): Context => ({
  logger: { ...silentLogger, warn: (line) => warnings.push(line) },
  progress: silentProgress,
  clock: () => new Date(0),
  signal: new AbortController().signal,
});
const all: IncludePath = () => true;
const write = (path: string, content = "x"): void => {
  mkdirSync(join(app, path, ".."), { recursive: true });
  writeFileSync(join(app, path), content);
};
const copied = (): readonly string[] =>
  readdirSync(copy, { recursive: true, encoding: "utf8" })
    .filter((path) => !lstatSync(join(copy, path)).isDirectory())
    .sort();

describe("the copy of an application", () => {
  test("has what is not excluded, and directories only for what is in them", async () => {
    for (const path of [".env", "a.js", "secrets/key", "src/.env", "src/b.js", "docs/x.txt", "docs/deep/y.md"])
      write(path);
    const include = await selectPaths({ exclude: [".env", "secrets/", "docs", "!*.md"] });
    await copyApplication(app, copy, include, context());
    expect(copied()).toEqual(["a.js", "docs/deep/y.md", "src/b.js"]);
    expect(existsSync(join(copy, "secrets"))).toBe(false);
    rmSync(copy, { recursive: true });
    mkdirSync(copy);
    await copyApplication(app, copy, await selectPaths({ include: ["src/", "!.env"] }), context());
    expect([copied(), readdirSync(copy)]).toEqual([["src/b.js"], ["src"]]);
  });

  test("has the times of files and directories, and names that are no text", async () => {
    write("dir/a");
    const raw = Buffer.concat([Buffer.from(`${app}/`), Buffer.from([0xff, 0xfe])]);
    writeFileSync(raw, "raw");
    utimesSync(join(app, "dir/a"), 1_000_000, 1_000_000);
    utimesSync(join(app, "dir"), 2_000_000, 2_000_000);
    await copyApplication(app, copy, all, context());
    expect(["dir/a", "dir"].map((path) => statSync(join(copy, path)).mtimeMs)).toEqual([1_000_000_000, 2_000_000_000]);
    expect(readdirSync(copy, { encoding: "buffer" }).map(String)).toContain(String(Buffer.from([0xff, 0xfe])));
    expect(readFileSync(Buffer.concat([Buffer.from(`${copy}/`), Buffer.from([0xff, 0xfe])]), "utf8")).toBe("raw");
  });

  test("shares no file with the original, hard links neither", async () => {
    write("a");
    linkSync(join(app, "a"), join(app, "b"));
    await copyApplication(app, copy, all, context());
    expect(["a", "b"].map((path) => statSync(join(copy, path)).nlink)).toEqual([1, 1]);
  });

  test("leaves out sockets and pipes, and says so", async () => {
    execFileSync("mkfifo", [join(app, "pipe")]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(app, "socket"), resolve));
    const result = await copyApplication(app, copy, all, context());
    await new Promise((resolve) => server.close(resolve));
    expect(result.skipped).toEqual(["pipe", "socket"]);
    expect(warnings).toEqual([expect.stringContaining("pipe"), expect.stringContaining("socket")]);
  });

  test("leaves out what tspack keeps in the application, and says so", async () => {
    write("a");
    write(".tspack/data/images/blob");
    write("out/index.json");
    symlinkSync(".tspack", join(app, "link"));
    await copyApplication(app, copy, all, context(), [join(app, "link"), join(app, "out"), "/elsewhere", folder + "x"]);
    expect(copied()).toEqual(["a", "link"]);
    expect(warnings).toHaveLength(2);
    await expect(copyApplication(app, copy, all, context(), [app])).rejects.toEqual(code("INVALID_ARGUMENTS"));
  });

  test("may be made of a directory inside of what tspack keeps", async () => {
    write("a");
    await copyApplication(app, copy, all, context(), [folder]);
    expect(copied()).toEqual(["a"]);
  });

  test("has a file as it is after a change, and ends when it changes each time it is read", async () => {
    write("log", "line\n");
    const [from, to] = [join(app, "log"), join(copy, "log")];
    /** Copies, and something else writes meanwhile, the first times. */
    const disturbed = (times: number): CopyData => {
      let left = times;
      return async (...args) => {
        await copyData(...args);
        if (left > 0) appendFileSync(from, "more\n");
        left -= 1;
      };
    };
    expect(await copyFileUnchanged(from, to, "log", disturbed(2))).toBe(15);
    expect(readFileSync(to, "utf8")).toBe("line\nmore\nmore\n");
    rmSync(to);
    await expect(copyFileUnchanged(from, to, "log", disturbed(3))).rejects.toEqual(code("INVALID_ARGUMENTS"));
    expect(existsSync(to)).toBe(false);
  });

  test("ends when a file disappears, or has become a directory", async () => {
    for (const path of ["a", "b"]) write(path);
    const removing: IncludePath = (path) => {
      if (path === "b") rmSync(join(app, "b"));
      return true;
    };
    await expect(copyApplication(app, copy, removing, context())).rejects.toEqual(code("FILE_NOT_FOUND"));
    write("c");
    const replacing: IncludePath = (path) => {
      if (path === "c") {
        renameSync(join(app, "c"), join(app, "d"));
        symlinkSync("/etc/passwd", join(app, "c"));
      }
      return true;
    };
    rmSync(copy, { recursive: true });
    mkdirSync(copy);
    await expect(copyApplication(app, copy, replacing, context())).rejects.toEqual(code("INVALID_ARGUMENTS"));
    expect(copied()).toEqual(["a"]);
  });

  const isRoot = process.getuid?.() === 0;
  test.skipIf(isRoot)(`names a directory that can not be read${isRoot ? " (skipped: root can)" : ""}`, async () => {
    write("closed/a");
    chmodSync(join(app, "closed"), 0);
    await expect(copyApplication(app, copy, all, context())).rejects.toEqual(code("INVALID_ARGUMENTS"));
    const include = await selectPaths({ exclude: ["closed/"] });
    await copyApplication(app, copy, include, context());
  });
});

describe("secrets that git would ignore", () => {
  const bring = async (selects: boolean): Promise<void> =>
    bringApplication({ appDir: app, include: all, selects, withheld: [] }, copy, context());

  test("get into the build, with a warning that names them and what to do", async () => {
    write(".gitignore", ".env\n*.pem\nnode_modules\n");
    for (const path of [".env", ".env.example", "certs/server.pem", "node_modules/x/.env", "config/.npmrc", "a.js"])
      write(path);
    await bring(false);
    expect(warnings).toEqual([
      expect.stringMatching(/^\.env, certs\/server\.pem, node_modules\/x\/\.env: .*project\.toml/),
    ]);
    expect(copied()).toContain(".env");
  });

  test("are nobody's business when project.toml says what takes part", async () => {
    write(".gitignore", ".env");
    write(".env");
    await bring(true);
    expect(warnings).toEqual([]);
  });
});

test("nothing can be left out of a directory that is built where it is", async () => {
  const inputs = { appDir: app, include: all, selects: true, withheld: [] };
  await expect(bringApplication(inputs, app, context())).rejects.toEqual(code("INVALID_ARGUMENTS"));
  await bringApplication({ ...inputs, selects: false }, app, context());
});
