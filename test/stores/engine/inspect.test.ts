import { expect, test } from "vitest";
import { digestOf } from "../../../lifecycle/oci/digest.ts";
import { readInspected } from "../../../lifecycle/stores/engine/inspect.ts";

const layers = [digestOf("a"), digestOf("b")];
const image = {
  Id: digestOf("id"),
  Created: "2024-01-02T03:04:05.6Z",
  Architecture: "arm64",
  Variant: "v8",
  Os: "linux",
  Author: "",
  Config: {
    Hostname: "builder",
    Image: "sha256:1",
    Tty: true,
    Env: ["A=b"],
    Labels: { x: "y" },
    Cmd: null,
    Shell: ["/bin/sh"],
  },
  RootFS: { Type: "layers", Layers: layers },
};
const line = (CreatedBy: string, Size: number): object => ({ Created: 1_704_164_645, CreatedBy, Comment: "", Size });

test("the config is what the engine tells, without what belongs to the container that built the image", () => {
  const { config } = readInspected(image, [], "image");
  expect(JSON.parse(Buffer.from(config.bytes).toString())).toEqual({
    architecture: "arm64",
    created: "2024-01-02T03:04:05.6Z",
    os: "linux",
    variant: "v8",
    config: { Env: ["A=b"], Labels: { x: "y" }, Shell: ["/bin/sh"] },
    rootfs: { type: "layers", diff_ids: layers },
  });
});

test("a time of the year 1 is none", () => {
  expect(
    readInspected({ ...image, Created: "0001-01-01T00:00:00Z" }, [], "image").config.value.created,
  ).toBeUndefined();
});

test("history is oldest first, and lines without a layer are marked when the sizes tell which", () => {
  const history = [line("CMD", 0), line("second", 10), line("ENV", 0), line("first", 5)];
  expect(readInspected(image, history, "image").config.value.history).toEqual([
    { created: "2024-01-02T03:04:05Z", created_by: "first" },
    { created: "2024-01-02T03:04:05Z", created_by: "ENV", empty_layer: true },
    { created: "2024-01-02T03:04:05Z", created_by: "second" },
    { created: "2024-01-02T03:04:05Z", created_by: "CMD", empty_layer: true },
  ]);
});

test("as many lines as layers: all made one, also one of size 0", () => {
  const { history } = readInspected(image, [line("second", 0), line("first", 5)], "image").config.value;
  expect(history?.map((entry) => entry.empty_layer)).toEqual([undefined, undefined]);
});

test("an ID without its algorithm gets it", () => {
  expect(readInspected({ ...image, Id: image.Id.slice(7) }, [], "image").id).toBe(image.Id);
});

test.each([
  ["ID", { ...image, Id: "x" }],
  ["layer", { ...image, RootFS: { Layers: ["sha256:1"] } }],
  ["label", { ...image, Config: { Labels: { a: 1 } } }],
])("a bad %s is INVALID_IMAGE", (_what, bad) => {
  expect(() => readInspected(bad, [], "image")).toThrow(expect.objectContaining({ code: "INVALID_IMAGE" }) as Error);
});

test("what Podman tells of the config takes the place of what it can not tell by Docker's API", () => {
  const lines = [{ created_by: "a" }, { created_by: "b", empty_layer: true }, { created_by: "c", comment: "d" }];
  const { config } = readInspected(image, [], "image", { created: undefined, lines });
  expect(config.value.created).toBeUndefined();
  expect(config.value.history).toEqual(lines);
});
