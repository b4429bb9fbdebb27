import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findProgramIn } from "../../../lifecycle/platform/run/find-program.ts";
import { findInRootfs, withoutLinks } from "../../../lifecycle/platform/run/path-in-rootfs.ts";
import { userIn } from "../../../lifecycle/platform/run/user.ts";

let rootfs = "";
beforeAll(() => {
  rootfs = mkdtempSync(join(tmpdir(), "tspack-rootfs-"));
  file("usr/bin/app", "ELF", 0o755);
  file("usr/bin/script", "#! /usr/bin/app -x\n", 0o755);
  file("usr/bin/orphan", "#!/usr/bin/python9\n", 0o755);
  file("usr/bin/text", "text", 0o644);
  file("opt/text", "ELF", 0o755);
  file("etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:44::/srv:/bin/sh\n");
  file("etc/group", "staff:x:50:\n");
  symlinkSync("usr/bin", join(rootfs, "bin"));
  symlinkSync("../../../../../usr/bin/app", join(rootfs, "opt/up"));
  symlinkSync(join("/", "usr/bin/app"), join(rootfs, "opt/absolute"));
  symlinkSync("loop", join(rootfs, "opt/loop"));
  symlinkSync("/proc/self/exe", join(rootfs, "opt/outside"));
});
afterAll(() => rmSync(rootfs, { recursive: true }));

function file(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(join(rootfs, path)), { recursive: true });
  writeFileSync(join(rootfs, path), content);
  chmodSync(join(rootfs, path), mode);
}

describe("a path of an image", () => {
  test.each([
    ["/bin/app", "/usr/bin/app"],
    ["/opt/up", "/usr/bin/app"],
    ["/opt/absolute", "/usr/bin/app"],
    ["/../../bin/../bin/./app", "/usr/bin/app"],
    ["/opt/loop", undefined],
    ["/opt/outside", undefined],
    ["/usr/bin/app/x", undefined],
    ["/", "/"],
  ])("%s leads to %s, never out of it", (path, expected) => {
    expect(findInRootfs(rootfs, path)?.path).toBe(expected);
  });
});

test.each([
  ["/bin/new/deep", "/usr/bin/new/deep"],
  ["/new", "/new"],
  ["/opt/absolute", "/usr/bin/app"],
])("the mount point %s is at %s", (path, expected) => {
  expect(withoutLinks(rootfs, path)).toBe(expected);
});

describe("a program", () => {
  const status = (program: string): unknown => {
    const search = { rootfs, path: ["/nowhere", "/bin", "/opt"], workdir: "/opt", covered: ["/data"] };
    const found = findProgramIn(program, search);
    return "status" in found ? found.status : found.path;
  };

  test.each([
    ["app", "/bin/app"],
    ["./up", "/opt/up"],
    ["script", "/bin/script"],
    ["text", "/opt/text"],
    ["/data/anything", "/data/anything"],
    ["/database", 127],
    ["nothing", 127],
    ["/usr/bin/nothing", 127],
    ["orphan", 127],
    ["/usr/bin/text", 126],
    ["/usr", 126],
  ])("%s is %s", (program, expected) => {
    expect(status(program)).toBe(expected);
  });
});

describe("a user", () => {
  test.each([
    ["", { uid: 0, gid: 0 }],
    ["web", { uid: 33, gid: 44 }],
    ["33", { uid: 33, gid: 44 }],
    ["1000", { uid: 1000, gid: 0 }],
    ["1000:7", { uid: 1000, gid: 7 }],
    ["web:staff", { uid: 33, gid: 50 }],
  ])("%j is found in the image's files", (text, expected) => {
    expect(userIn(rootfs, text)).toEqual(expected);
  });

  test.each(["nobody", "web:nobody", "4294967295", "99999999999", "-1"])("%s is refused", (text) => {
    expect(() => userIn(rootfs, text)).toThrow(expect.objectContaining({ code: "INVALID_IMAGE" }));
  });
});
