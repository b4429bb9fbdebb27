import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeConfig, encodeConfig } from "../../lifecycle/oci/image-config.ts";
import { goJson, sortedMap } from "../../lifecycle/oci/go-json.ts";
import {
  checkBlob,
  decodeIndex,
  decodeManifest,
  encodeIndex,
  encodeManifest,
  selectPlatform,
} from "../../lifecycle/oci/manifest.ts";
import { goldenRoot } from "./golden-root.ts";

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const digest = `sha256:${"0".repeat(64)}`;

describe.skipIf(goldenRoot === undefined)("golden documents", () => {
  const files = goldenRoot === undefined ? [] : readdirSync(goldenRoot, { recursive: true, encoding: "utf8" });
  test("every golden config is written as it was read", () => {
    const configs = files.filter((file) => file.endsWith("/config.json"));
    expect(configs.length).toBeGreaterThan(50);
    for (const file of configs) {
      const raw = readFileSync(join(goldenRoot ?? "", file));
      expect(Buffer.from(encodeConfig(decodeConfig(raw, file).value).bytes).toString(), file).toBe(raw.toString());
    }
  });

  test("a manifest of Docker types is written as it was read", () => {
    const raw = readFileSync(join(goldenRoot ?? "", "01-simple/docker-media-types/expected/manifest.json"));
    expect(Buffer.from(encodeManifest(decodeManifest(raw, "m").value).bytes).toString()).toBe(raw.toString());
  });
});

test("new layers of an OCI manifest have OCI's type names", () => {
  const layer = { mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", size: 1, digest };
  const manifest = decodeManifest(
    bytes({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: layer,
      layers: [layer],
    }),
    "m",
  );
  expect(encodeManifest(manifest.value).value.layers[0]?.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+gzip");
});

test("a broken manifest names every field that is wrong", () => {
  const broken = bytes({ schemaVersion: 1, config: { mediaType: 3, size: -1, digest: "sha256:x" }, layers: {} });
  expect(() => decodeManifest(broken, "m")).toThrowError(
    expect.objectContaining({
      code: "INVALID_IMAGE",
      issues: ["schemaVersion", "config.mediaType", "config.digest", "config.size", "layers"].map((path) =>
        expect.objectContaining({ path, source: "m" }),
      ),
    }),
  );
});

test.each([["{"], ["[]"], ["\u00ff"]])("%j is no config", (text) => {
  expect(() => decodeConfig(Buffer.from(text, "latin1"), "c")).toThrowError(
    expect.objectContaining({ code: "INVALID_IMAGE" }),
  );
});

test("a blob of another size and digest is refused with both", () => {
  expect(() => checkBlob(Buffer.from("x"), { digest: digest as never, size: 2 }, "b")).toThrowError(
    expect.objectContaining({ code: "DIGEST_MISMATCH", issues: [expect.anything(), expect.anything()] }),
  );
});

describe("selectPlatform", () => {
  const manifests = [entry("unknown"), entry("arm", "v6"), entry("arm", "v7"), entry("arm64", "v8"), entry("amd64")];
  const index = decodeIndex(bytes({ schemaVersion: 2, manifests }), "i").value;

  test.each([
    ["amd64", undefined, 4],
    ["arm64", undefined, 3],
    ["arm", "v7", 2],
    ["arm", undefined, 1],
  ])("%s %s", (architecture, variant, wanted) => {
    const platform = { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) };
    expect(selectPlatform(index, platform)?.digest).toBe(manifests[wanted]?.digest);
  });

  test("nothing fits", () => {
    expect(selectPlatform(index, { os: "linux", architecture: "arm", variant: "v5" })).toBeUndefined();
    expect(selectPlatform(index, { os: "windows", architecture: "amd64" })).toBeUndefined();
  });

  test("an index reads back what was written", () => {
    expect(decodeIndex(encodeIndex(index).bytes, "i").value).toEqual(index);
    const [subject] = index.manifests;
    if (subject === undefined) throw new Error("it has images");
    const whole = { ...index, artifactType: "application/x", subject, annotations: { a: "b" } };
    expect(decodeIndex(encodeIndex(whole).bytes, "i").value).toEqual(whole);
  });
});

test("JSON has Go's escapes and keeps the order of a map with keys like numbers", () => {
  expect(goJson({ a: "<&>\u2028\u2029\ud800", m: sortedMap({ 9: "x", 10: "y" }), n: undefined, u: null })).toBe(
    '{"a":"\\u003c\\u0026\\u003e\\u2028\\u2029\ufffd","m":{"10":"y","9":"x"},"u":null}',
  );
});

function entry(architecture: string, variant?: string) {
  return {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    size: 1,
    digest: `sha256:${Buffer.from(architecture + (variant ?? ""))
      .toString("hex")
      .padEnd(64, "0")
      .slice(0, 64)}`,
    platform: { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) },
  };
}
