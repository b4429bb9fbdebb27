import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildpackDirectory } from "./workspace.ts";

const root = mkdtempSync(join(tmpdir(), "tspack-memory-"));
afterAll(() => {
  rmSync(root, { recursive: true });
});

describe("the memory that Node.js may have", () => {
  const program = join(buildpackDirectory("nodejs"), "lib/memory.cjs");
  const system = join(root, "system");
  const limit = (group: string, file: string, value: string): void => {
    mkdirSync(join(system, "sys/fs/cgroup", group), { recursive: true });
    writeFileSync(join(system, "sys/fs/cgroup", group, file), value);
  };
  const output = (options?: string): string => {
    const script = `exec 3>&1 1>&2; exec "$0" "$1" "$2"`;
    return execFileSync("sh", ["-c", script, process.execPath, program, system], {
      env: options === undefined ? {} : { NODE_OPTIONS: options },
    }).toString();
  };
  beforeAll(() => {
    mkdirSync(join(system, "proc/self"), { recursive: true });
    writeFileSync(join(system, "proc/self/cgroup"), "0::/app/inner\n");
  });

  it("is not limited without a control group's limit", () => {
    limit(".", "memory.max", "max\n");
    expect(output()).toBe("");
  });

  it("is three quarters of the smallest limit on the way up", () => {
    limit("app/inner", "memory.max", "max\n");
    limit("app", "memory.max", `${512 * 1024 * 1024}\n`);
    limit(".", "memory.max", `${1024 * 1024 * 1024}\n`);
    expect(output()).toBe('NODE_OPTIONS = "--max-old-space-size=384"\n');
  });

  it("reads the limit of the older kind of control group, too", () => {
    writeFileSync(join(system, "proc/self/cgroup"), "9:name=systemd:/\n4:memory:/old\n0::/app/inner\n");
    limit("memory/old", "memory.limit_in_bytes", `${256 * 1024 * 1024}\n`);
    expect(output()).toBe('NODE_OPTIONS = "--max-old-space-size=192"\n');
    rmSync(join(system, "sys/fs/cgroup/memory"), { recursive: true });
  });

  it("joins the options that are there, and gives way to a limit of the user's own", () => {
    expect(output("--no-warnings")).toBe('NODE_OPTIONS = "--no-warnings --max-old-space-size=384"\n');
    expect(output("--max-old-space-size=100")).toBe("");
    expect(output("--max_old_space_size=100")).toBe("");
  });
});
