import { expect, test } from "vitest";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { decodeLayersMetadata, encodeLayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { type BuildMetadata, encodeBuildMetadata } from "../../lifecycle/cnb/files/metadata-toml.ts";
import { freeJson, goJson } from "../../lifecycle/cnb/go-json.ts";
import { decodeBuildLabel, encodeBuildLabel, encodeProjectLabel } from "../../lifecycle/cnb/labels.ts";
import { hasName, recordedRunImage, runImageForExport } from "../../lifecycle/cnb/run-image.ts";
import { type ImageRef, parseReference } from "../../lifecycle/oci/reference.ts";
import { parseToml } from "../../lifecycle/toml.ts";

const metadata: BuildMetadata = {
  buildpacks: [{ id: "a", version: "1", api: "0.9", homepage: "h" }],
  extensions: [],
  processes: [
    {
      type: "w",
      command: ["<a>", "b"],
      args: undefined,
      direct: true,
      default: false,
      buildpackId: "a",
      workingDirectory: "",
      execEnv: ["test"],
    },
  ],
  slices: [],
  labels: [],
  buildpackDefaultProcessType: undefined,
  bom: [{ name: "n", metadata: undefined, buildpack: { id: "a", version: "1" } }],
};
const launcher = { version: "1.0", repository: "r", commit: "c" };

test("JSON is escaped and sorted as Go does it", () => {
  expect(goJson({ b: "<>&\u2028\u2029\b\f\u0001ü", a: undefined, z: [1e21, 1e-7, 0.000001, -0, 10n] })).toBe(
    String.raw`{"b":"\u003c\u003e\u0026\u2028\u2029\b\f\u0001ü","z":[1e+21,1e-7,0.000001,-0,10]}`,
  );
  expect(goJson(freeJson({ "10": 1n, "2": 2n, b: { d: 1n, c: [{ y: 1n, x: 1n }] } }))).toBe(
    '{"10":1,"2":2,"b":{"c":[{"x":1,"y":1}],"d":1}}',
  );
  expect(() => goJson(Number.NaN)).toThrow(expect.objectContaining({ code: "INVALID_LAYER" }));
});

test("the build label has the shapes of its Platform API", () => {
  expect(encodeBuildLabel(metadata, launcher, platformFeatures("0.12"))).toBe(
    '{"buildpacks":[{"id":"a","version":"1","homepage":"h"}],"launcher":{"version":"1.0","source":{"git":{"repository":"r","commit":"c"}}},"processes":[{"type":"w","command":["\\u003ca\\u003e","b"],"args":null,"direct":true,"buildpackID":"a","exec-env":["test"]}]}',
  );
  const old = encodeBuildLabel(metadata, launcher, platformFeatures("0.8"));
  expect(old).toContain('{"bom":[{"name":"n","metadata":null,"buildpack":{"id":"a","version":"1"}}],');
  expect(old).toContain('"command":"\\u003ca\\u003e","args":["b"]');
  expect(decodeBuildLabel(old)).toMatchObject({ launcher, processes: [{ command: ["<a>"], args: ["b"] }] });
});

test("a command in metadata.toml is an array or a string, escaped as in JSON", () => {
  expect(encodeBuildMetadata(metadata, platformFeatures("0.10"))).toContain(
    'command = ["\\u003ca\\u003e", "b"]\n  direct',
  );
  expect(encodeBuildMetadata(metadata, platformFeatures("0.9"))).toContain(
    'command = "\\u003ca\\u003e"\n  args = ["b"]\n',
  );
});

test("a project without a source is an empty object", () => {
  expect(encodeProjectLabel(undefined)).toBe("{}");
  expect(encodeProjectLabel({ source: { type: "git", version: { tag: "v1" }, metadata: {} } })).toBe(
    '{"source":{"type":"git","version":{"tag":"v1"}}}',
  );
});

test("labels of very old images and of other writers are read", () => {
  const read = decodeLayersMetadata('{"app": {"sha": "x"}, "buildpacks": null, "runImage": {}, "other": 1}');
  expect(read).toMatchObject({ app: [{ sha: "x" }], buildpacks: [], runImage: { topLayer: "" } });
  expect(() => decodeLayersMetadata('{"buildpacks": [{"key": 1}]}')).toThrow(
    expect.objectContaining({ code: "INVALID_JSON", issues: [expect.objectContaining({ path: "buildpacks[0].key" })] }),
  );
});

test("a layer may have any name", () => {
  const text = '{"buildpacks":[{"key":"a","layers":{"__proto__":{"sha":"s","data":{"__proto__":1}},"10":{},"2":{}}}]}';
  const written = encodeLayersMetadata(decodeLayersMetadata(text));
  expect(written).toContain('"layers":{"10":{"sha":"","data":null');
  expect(written).toContain('"__proto__":{"sha":"s","data":{"__proto__":1}');
});

function parse(name: string): ImageRef {
  return parseReference(name);
}

test("the run image of an export is the one in run.toml that was analyzed", () => {
  const run = {
    images: [
      { image: "r/a", mirrors: [] },
      { image: "r/b:1", mirrors: ["m.local/b:1"] },
    ],
  };
  expect(runImageForExport(run, `m.local/b:1@sha256:${"0".repeat(64)}`, false, parse).image).toBe("r/b:1");
  expect(runImageForExport(run, "other", false, parse).image).toBe("r/a");
  expect(runImageForExport(run, "other", true, parse)).toEqual({ image: "other", mirrors: [] });
  expect(hasName({ image: "debian", mirrors: [] }, "index.docker.io/library/debian:latest", parse)).toBe(true);
  expect(hasName({ image: "m.local/b", mirrors: [] }, "m.local/b:1", parse)).toBe(false);
});

test("below Platform API 0.12 the run image of an app is its stack's", () => {
  const label = decodeLayersMetadata(
    '{"runImage":{"image":"new"},"stack":{"runImage":{"image":"old","mirrors":["m"]}}}',
  );
  expect(recordedRunImage(label, platformFeatures("0.12"))).toEqual({ image: "new", mirrors: [] });
  expect(recordedRunImage(label, platformFeatures("0.11"))).toEqual({ image: "old", mirrors: ["m"] });
});

test("a document that was parsed goes into a label as JSON", () => {
  const { table } = parseToml(
    "d = 2021-02-03\nt = 04:05:06\nl = 2021-02-03T04:05:06\no = 2021-02-03T04:05:06.789Z\nf = 2.0",
    "l.toml",
  );
  expect(goJson(freeJson(table))).toBe(
    '{"d":"2021-02-03T00:00:00Z","f":2,"l":"2021-02-03T04:05:06Z","o":"2021-02-03T04:05:06.789Z","t":"0000-01-01T04:05:06Z"}',
  );
});
