import { EventEmitter, once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { fetchVerified, cachedPath } from "../../../lifecycle/platform/debian/archive.ts";
import { openDownloader, type Downloader, type Wanted } from "../../../lifecycle/platform/debian/download.ts";
import { serve, sha256, type FakeMirror } from "./fake-archive.ts";

const bytes = Buffer.from("0123456789".repeat(50_000));
const name = "pool/file.deb";
const quick = { delay: 2 };
let dir = "";
let mirror: FakeMirror;
let downloader: Downloader;
let wanted: Wanted;

function context(signal = new AbortController().signal): Context {
  return { logger: silentLogger, progress: silentProgress, clock: () => new Date(), signal };
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "tspack-download-"));
  mirror = await serve(new Map([[name, bytes]]));
  downloader = await openDownloader({}, context(), quick);
  wanted = { url: `${mirror.url}/${name}`, size: bytes.length, sha256: sha256(bytes) };
});
afterEach(async () => {
  await downloader.close();
  await mirror.close();
  await rm(dir, { recursive: true, force: true });
});

describe("Downloader.file", () => {
  test("tries again after a busy mirror", async () => {
    mirror.faults.set(name, [{ status: 503 }]);
    await downloader.file(wanted, join(dir, "a"));
    expect(bytes.equals(await readFile(join(dir, "a")))).toBe(true);
    expect(mirror.seen).toHaveLength(2);
  });

  test("goes on where a broken connection stopped, and counts every byte once", async () => {
    const arrivals = new EventEmitter();
    mirror.faults.set(name, [{ cutAfter: 123_456, until: once(arrivals, "bytes") }]);
    let counted = 0;
    await downloader.file(wanted, join(dir, "a"), (count) => {
      counted += count;
      if (counted > 0) arrivals.emit("bytes");
    });
    expect(bytes.equals(await readFile(join(dir, "a")))).toBe(true);
    expect(mirror.seen[1]).toMatch(/^pool\/file\.deb from [1-9]/);
    expect(counted).toBe(bytes.length);
  });

  test("gives up a mirror that breaks off every time, and leaves nothing behind", async () => {
    mirror.faults.set(
      name,
      Array.from({ length: 8 }, () => ({ cutAfter: 1000, until: Promise.resolve() })),
    );
    await expect(downloader.file(wanted, join(dir, "a"))).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
    expect(await readdir(dir)).toEqual([]);
    expect(mirror.seen).toHaveLength(4);
  });

  test("does not keep a file with other content, and leaves nothing behind", async () => {
    mirror.files.set(name, Buffer.from(bytes.map((byte) => byte ^ 1)));
    await expect(downloader.file(wanted, join(dir, "a"))).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(await readdir(dir)).toEqual([]);
  });

  test("stops reading a file that is longer than it may be", async () => {
    mirror.files.set(name, Buffer.concat([bytes, bytes]));
    await expect(downloader.file(wanted, join(dir, "a"))).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  test("does not try again what is not there", async () => {
    mirror.files.clear();
    await expect(downloader.file(wanted, join(dir, "a"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(mirror.seen).toHaveLength(1);
  });

  test("names the address without password when nobody answers", async () => {
    await mirror.close();
    const url = wanted.url.replace("http://", "http://me:secret@");
    const error = await downloader.file({ ...wanted, url }, join(dir, "a")).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "DOWNLOAD_FAILED" });
    expect((error as Error).message).toContain("/debian/pool/file.deb");
    expect(JSON.stringify(error) + (error as Error).message).not.toContain("secret");
  });

  test("ends with CANCELED when the context is aborted", async () => {
    const controller = new AbortController();
    const own = await openDownloader({}, context(controller.signal));
    mirror.faults.set(name, [{ status: 503 }, { status: 503 }, { status: 503 }]);
    const running = own.file(wanted, join(dir, "a"));
    setTimeout(() => controller.abort(), 50);
    await expect(running).rejects.toMatchObject({ code: "CANCELED" });
    await own.close();
  });

  test("uses a proxy for http that it was told of, and not for exceptions", async () => {
    const viaProxy = await openDownloader({ httpProxy: "http://127.0.0.1:1" }, context(), quick);
    await expect(viaProxy.file(wanted, join(dir, "a"))).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
    await viaProxy.close();
    const excepted = await openDownloader({ httpProxy: "http://127.0.0.1:1", noProxy: "127.0.0.1" }, context(), quick);
    await excepted.file(wanted, join(dir, "b"));
    await excepted.close();
  });
});

describe("fetchVerified", () => {
  test("takes a file from the cache the second time", async () => {
    await fetchVerified(wanted, dir, downloader);
    expect(bytes.equals(await fetchVerified(wanted, dir, downloader))).toBe(true);
    expect(mirror.seen).toHaveLength(1);
  });

  test("fetches again what is damaged in the cache", async () => {
    await fetchVerified(wanted, dir, downloader);
    await writeFile(cachedPath(dir, wanted.sha256), Buffer.alloc(bytes.length));
    expect(bytes.equals(await fetchVerified(wanted, dir, downloader))).toBe(true);
    expect(mirror.seen).toHaveLength(2);
  });
});
