import { describe, expect, test } from "vitest";
import { capabilityNames } from "../../../lifecycle/cli/phases/capabilities.ts";
import type { ContainerFacts } from "../../../lifecycle/cli/phases/container-facts.ts";
import { containerRow } from "../../../lifecycle/cli/phases/container-row.ts";

const restricted: ContainerFacts = {
  uid: 1000,
  gid: 1000,
  groups: [],
  userName: "cnb",
  builderUser: "1000:1000",
  capabilities: [],
  boundingCapabilities: [],
  noNewPrivileges: true,
  seccomp: "filter",
  readOnlyRoot: false,
  proc: "masked",
  userNamespaces: true,
  network: true,
  guarded: true,
  paths: [],
  credentials: [],
};

describe("the row of a container", () => {
  test.each([
    ["A", { uid: 0, gid: 0, userName: "root", capabilities: ["SETGID", "SETUID"] }],
    ["A", { uid: 0, capabilities: null }],
    ["B", { uid: 0, gid: 0, userName: "root" }],
    ["B", { uid: 0, capabilities: ["SETUID"] }],
    ["C", { noNewPrivileges: false }],
    ["C", { boundingCapabilities: ["CHOWN"] }],
    ["D", {}],
    ["E", { readOnlyRoot: true }],
    ["F", { proc: "unmasked" }],
    ["G", { uid: 4321, gid: 0, userName: null }],
    ["H", { uid: 1_000_650_000, gid: 0, userName: null, readOnlyRoot: true }],
    ["J", { network: false }],
  ] as const)("is %s for %j", (row, facts) => {
    expect(containerRow({ ...restricted, ...facts })).toBe(row);
  });
});

test("capabilities have their names, unknown ones their bit", () => {
  expect(capabilityNames(0n)).toEqual([]);
  expect(capabilityNames(0b11000001n)).toEqual(["CHOWN", "SETGID", "SETUID"]);
  expect(capabilityNames((1n << 40n) | (1n << 50n))).toEqual(["CHECKPOINT_RESTORE", "50"]);
});
