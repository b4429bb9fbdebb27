import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BatchThread, startBatchThread, withBatchThread } from "../../lifecycle/layers/batch-thread.ts";
import { extractTar } from "../../lifecycle/layers/extract-tar.ts";
import { extractTarFile } from "../../lifecycle/layers/extract-tar-file.ts";
import { treeListing } from "./tree-listing.ts";
import { tarOf, type TestEntry } from "./tar-of.ts";

let programs = "";
let program: URL;
beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), "tspack-thread-"));
  const outfile = join(programs, "extract-worker.mjs");
  const entry = join(import.meta.dirname, "../../lifecycle/layers/extract-worker.ts");
  await build({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm" });
  program = pathToFileURL(outfile);
});
afterAll(() => rmSync(programs, { recursive: true, force: true }));

let base = "";
let root = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "tspack-tar-file-"));
  root = join(base, "root");
  mkdirSync(root);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const place = (path: string) => ({ path, name: "/layers" });
const signal = new AbortController().signal;

async function tarFile(entries: readonly TestEntry[]): Promise<string> {
  const file = join(base, "layer.tar");
  const parts: Uint8Array[] = [];
  for await (const part of tarOf(...entries)) parts.push(part);
  writeFileSync(file, Buffer.concat(parts));
  return file;
}

const alone = async (tar: string, to = root) =>
  extractTarFile(tar, place(to), { signal, thread: () => Promise.resolve(undefined) });

/** As many files as start the second thread, with directories, links and one file of several megabytes. */
function manyEntries(count: number): readonly TestEntry[] {
  const entries: TestEntry[] = [{ name: "/layers", type: "dir" }];
  for (let index = 0; index < count; index++) {
    if (index % 100 === 0)
      entries.push({ name: `/layers/d${index}`, type: "dir", mode: index % 200 === 0 ? 0o555 : 0o750 });
    const name = `/layers/d${index - (index % 100)}/file-${index}`;
    entries.push({ name, text: `${index}`.repeat(index % 700), mode: index % 3 === 0 ? 0o755 : 0o640 });
    if (index % 50 === 0) entries.push({ name: `${name}.link`, type: "symlink", linkname: `file-${index}` });
  }
  entries.push({ name: "/layers/large", text: "large ".repeat(1_000_000) });
  return entries;
}

describe("a tar in a file", () => {
  it("becomes with two threads what one pass over it makes", async () => {
    const tar = await tarFile(manyEntries(700));
    const expected = join(base, "expected");
    mkdirSync(expected);
    await extractTar(tarOf(...manyEntries(700)), place(expected), { mode: "restore" });
    let sent = 0;
    await withBatchThread(async (start) => {
      const counted = async (): Promise<BatchThread | undefined> => {
        const thread = await start();
        if (thread === undefined) return undefined;
        return {
          get isHungry() {
            return thread.isHungry;
          },
          write: (batch) => {
            sent += batch.files.length;
            return thread.write(batch);
          },
          close: () => thread.close(),
        };
      };
      await extractTarFile(tar, place(root), { signal, thread: counted });
    }, program);
    expect(treeListing(root)).toEqual(treeListing(expected));
    expect(sent).toBeGreaterThan(0);
  });

  it("is unpacked to its end when the second thread dies", async () => {
    const tar = await tarFile(manyEntries(700));
    const expected = join(base, "expected");
    mkdirSync(expected);
    await alone(tar, expected);
    const broken = join(programs, "broken.mjs");
    writeFileSync(
      broken,
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(1));",
    );
    await withBatchThread((thread) => extractTarFile(tar, place(root), { signal, thread }), pathToFileURL(broken));
    expect(treeListing(root)).toEqual(treeListing(expected));
  });

  it("has the second thread make no file that is there, nor follow a link in its place", async () => {
    const secret = join(base, "secret");
    writeFileSync(secret, "untouched");
    symlinkSync(secret, join(root, "link"));
    writeFileSync(join(root, "old"), "before", { mode: 0o600 });
    const tar = await tarFile([
      { name: "/layers/link", text: "evil" },
      { name: "/layers/old", text: "new" },
    ]);
    const thread = await startBatchThread(program);
    const files = ["link", "old"].map((name) => ({ path: join(root, name), mode: 0o644, offset: 512, size: 4 }));
    const left = await thread?.write({ tar, files: files as never });
    await thread?.close();
    expect(left).toEqual(files);
    expect(readFileSync(secret, "utf8")).toBe("untouched");
    await expect(alone(tar)).rejects.toMatchObject({ code: "INVALID_TAR" });
    expect(readFileSync(secret, "utf8")).toBe("untouched");
  });

  it("gives files that were there the new content and leaves their modes", async () => {
    writeFileSync(join(root, "old"), "before", { mode: 0o600 });
    await alone(await tarFile([{ name: "/layers/old", text: "new" }]));
    expect(readFileSync(join(root, "old"), "utf8")).toBe("new");
    expect(statSync(join(root, "old")).mode & 0o777).toBe(0o600);
  });

  it("leaves files and links that are there as they should be, and gives the others their content", async () => {
    const entries = manyEntries(700);
    const tar = await tarFile(entries);
    await alone(tar);
    const expected = treeListing(root);
    const old = new Date(1_000_000_000_000);
    const wrong = ["d0/file-1", "d100/file-150", "d600/file-699", "large"].map((name) => join(root, name));
    const files = entries.filter(({ type }) => type === undefined).map(({ name }) => join(root, String(name).slice(8)));
    for (const file of files) utimesSync(file, old, old);
    for (const file of wrong) writeFileSync(file, readFileSync(file).fill("x"));
    appendFileSync(join(root, "d100/file-101"), "longer");
    rmSync(join(root, "d0/file-2"));
    await withBatchThread((thread) => extractTarFile(tar, place(root), { signal, thread }), program);
    expect(treeListing(root)).toEqual(expected);
    const written = files
      .filter((file) => statSync(file).mtimeMs !== old.getTime())
      .map((file) => relative(root, file));
    expect(written.sort()).toEqual(
      ["d0/file-1", "d0/file-2", "d100/file-101", "d100/file-150", "d600/file-699", "large"].sort(),
    );
  });

  it("is refused where another link is in the place of its own", async () => {
    symlinkSync("other", join(root, "link"));
    const tar = await tarFile([{ name: "/layers/link", type: "symlink", linkname: "one" }]);
    await expect(alone(tar)).rejects.toMatchObject({ code: "INVALID_TAR" });
  });

  it.each([0o644, 0o664, 0o666, 0o777, 0o4755, 0o2711, 0o400, 0o000])(
    "gives all files of a directory the mode %o whatever the umask is",
    async (mode) => {
      const tar = await tarFile(
        Array.from({ length: 3 }, (_, index) => ({ name: `/layers/d/${index}`, text: "x", mode })),
      );
      const before = process.umask(0o027);
      try {
        await alone(tar);
      } finally {
        process.umask(before);
      }
      const expected = join(base, "expected");
      mkdirSync(expected);
      await extractTar(createReadStream(tar), place(expected), { mode: "restore" });
      const modes = (at: string): readonly number[] => [0, 1, 2].map((name) => statSync(join(at, `d/${name}`)).mode);
      expect(modes(root)).toEqual(modes(expected));
    },
  );

  it.each<readonly [string, readonly TestEntry[]]>([
    ["outside of the place", [{ name: "/layers/../evil", text: "x" }]],
    [
      "through a link",
      [
        { name: "/layers/l", type: "symlink", linkname: ".." },
        { name: "/layers/l/evil", text: "x" },
      ],
    ],
    [
      "below a file of the same batch",
      [
        { name: "/layers/a", text: "x" },
        { name: "/layers/a/b/c", text: "x" },
      ],
    ],
    [
      "as a hard link",
      [
        { name: "/layers/a", text: "x" },
        { name: "/layers/b", type: "hardlink", linkname: "/layers/a" },
      ],
    ],
  ])("is refused with an entry %s", async (_name, entries) => {
    await expect(alone(await tarFile(entries))).rejects.toMatchObject({ code: "INVALID_TAR" });
    expect(existsSync(join(base, "evil"))).toBe(false);
  });

  it("has the last of two files of the same name", async () => {
    await alone(
      await tarFile([
        { name: "/layers/a", text: "first" },
        { name: "/layers/a", text: "second" },
      ]),
    );
    expect(readFileSync(join(root, "a"), "utf8")).toBe("second");
  });

  it("is refused when it ends in the middle of an entry", async () => {
    const tar = await tarFile([{ name: "/layers/a", text: "x".repeat(2000) }]);
    writeFileSync(tar, readFileSync(tar).subarray(0, 700));
    await expect(alone(tar)).rejects.toMatchObject({ code: "INVALID_TAR" });
  });

  it("stops when the build is canceled", async () => {
    const aborter = new AbortController();
    const tar = await tarFile(manyEntries(700));
    const extracting = extractTarFile(tar, place(root), {
      signal: aborter.signal,
      thread: () => Promise.resolve(undefined),
    });
    aborter.abort();
    await expect(extracting).rejects.toMatchObject({ name: "AbortError" });
  });

  it("does not wait for the second thread when the build is canceled", async () => {
    const aborter = new AbortController();
    const tar = await tarFile([{ name: "/layers/large", text: "large ".repeat(3_000_000) }]);
    const busy = join(programs, "busy.mjs");
    writeFileSync(
      busy,
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { for (;;); });",
    );
    const extracting = withBatchThread(
      (thread) => extractTarFile(tar, place(root), { signal: aborter.signal, thread }),
      pathToFileURL(busy),
    );
    setTimeout(() => aborter.abort(), 200);
    await expect(extracting).rejects.toMatchObject({ name: "AbortError" });
    expect(readdirSync(root)).toEqual([]);
  });
});
