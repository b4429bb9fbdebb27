import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { readArchive, type ArchiveIndex } from "../../../lifecycle/platform/debian/archive.ts";
import { openDownloader } from "../../../lifecycle/platform/debian/download.ts";
import {
  makeArchive,
  makeDeb,
  makeKey,
  serve,
  type FakeArchiveOptions,
  type FakeDeb,
  type FakeKey,
  type FakeMirror,
} from "./fake-archive.ts";

const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};

let key: FakeKey;
let deb: FakeDeb;
let cacheDir = "";
const mirrors: FakeMirror[] = [];

beforeAll(async () => {
  key = await makeKey("Archive");
  deb = await makeDeb({ name: "tool", version: "1.0" });
});
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "tspack-archive-"));
});
afterEach(async () => {
  await Promise.all(mirrors.splice(0).map((mirror) => mirror.close()));
  await rm(cacheDir, { recursive: true, force: true });
});

async function mirrorOf(options: FakeArchiveOptions = {}): Promise<FakeMirror> {
  const mirror = await serve(await makeArchive([deb], key, options));
  mirrors.push(mirror);
  return mirror;
}

async function read(mirror: FakeMirror, trusted: FakeKey = key, at: Context = ctx): Promise<ArchiveIndex> {
  const downloader = await openDownloader({}, at, { delay: 2 });
  try {
    const request = {
      mirrors: { roots: new Map([["debian", mirror.url]]), origin: "the test" },
      suites: [{ archive: "debian", name: "bookworm" }],
      components: ["main"],
      arch: "amd64",
      keyrings: [Buffer.from(trusted.publicKey)],
      cacheDir,
    };
    return await readArchive(request, downloader, at);
  } finally {
    await downloader.close();
  }
}

describe("readArchive", () => {
  test.each([{ form: "xz" }, { form: "gz" }, { byHash: true }] as const)(
    "reads a signed index: %o",
    async (options) => {
      const archive = await read(await mirrorOf(options));
      expect(archive.packages.named("tool")[0]).toMatchObject({ version: "1.0", path: deb.path });
      expect(archive.date.toISOString()).toBe("2026-07-11T10:16:37.000Z");
    },
  );

  test("asks a second time for the signed file only", async () => {
    const mirror = await mirrorOf();
    await read(mirror);
    mirror.seen.splice(0);
    await read(mirror);
    expect(mirror.seen).toEqual(["dists/bookworm/InRelease"]);
  });

  test("accepts a keyring that has the right key among others", async () => {
    const other = await makeKey("Other");
    const both = { ...key, publicKey: `${other.publicKey}\n${key.publicKey}` };
    await expect(read(await mirrorOf(), both)).resolves.toBeDefined();
  });

  test("refuses a signature by an unknown key", async () => {
    await expect(read(await mirrorOf(), await makeKey("Other"))).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  test.each([
    ["a changed date", (text: string) => text.replace("10:16:37", "10:16:38")],
    ["a changed hash", (text: string) => text.replace(/ [0-9a-f]{64} /, ` ${"0".repeat(64)} `)],
    [
      "no signature",
      (text: string) => text.replace(/-----BEGIN PGP SIGNED[^]*?\n\n/, "").replace(/-----BEGIN[^]*$/, ""),
    ],
    ["something that is no Release file", () => "<html>Welcome to this hotel's network</html>"],
  ])("refuses an InRelease with %s", async (_what, tamper) => {
    const mirror = await mirrorOf();
    const path = "dists/bookworm/InRelease";
    mirror.files.set(path, Buffer.from(tamper(mirror.files.get(path)?.toString() ?? "")));
    await expect(read(mirror)).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  test("ignores text around the signed part", async () => {
    const mirror = await mirrorOf();
    const path = "dists/bookworm/InRelease";
    const forged = `Codename: bookworm\nDate: Sat, 11 Jul 2099 00:00:00 UTC\n\n${mirror.files.get(path)?.toString() ?? ""}`;
    mirror.files.set(path, Buffer.from(forged));
    const outcome = await read(mirror).then(
      (archive) => archive.date.getUTCFullYear(),
      (error: unknown) => (error as { code: string }).code,
    );
    expect([2026, "SIGNATURE_INVALID"]).toContain(outcome);
  });

  test("refuses a signed index of another suite", async () => {
    await expect(read(await mirrorOf({ codename: "sid" }))).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  test("refuses an index that is no longer valid, by the context's clock", async () => {
    const mirror = await mirrorOf({ validUntil: "Sat, 01 Jan 2050 00:00:00 UTC" });
    await expect(read(mirror)).resolves.toBeDefined();
    const late = { ...ctx, clock: () => new Date("2050-01-02T00:00:00Z") };
    await expect(read(mirror, key, late)).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  test("refuses an index that is not the one that was signed for", async () => {
    const mirror = await mirrorOf();
    const path = "dists/bookworm/main/binary-amd64/Packages.xz";
    mirror.files.set(path, Buffer.from(`${mirror.files.get(path)?.toString("latin1") ?? ""}x`, "latin1"));
    await expect(read(mirror)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  test("says that a mirror does not have the suite", async () => {
    const mirror = await mirrorOf({ suite: "trixie" });
    await expect(read(mirror)).rejects.toMatchObject({ code: "NOT_FOUND", remote: { status: 404 } });
  });
});
