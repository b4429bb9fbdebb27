import type { DebEntry } from "../debian/deb.ts";
import { TspackError } from "../../errors.ts";
import type { StackUser } from "./stack-file.ts";

/** Where the base-passwd package has the accounts that every Debian system has. */
export const accountMasters = {
  passwd: "usr/share/base-passwd/passwd.master",
  group: "usr/share/base-passwd/group.master",
} as const;

// Debian's group of those who may read password hashes; its number is fixed by policy.
const shadowGroup = 42;
// A fixed day of the last password change: 0 would ask for a new password at the next login.
const changedDay = 19_000;

/**
 * The account files with the stack's user added, all passwords locked. `read` gives a file of a
 * package. Throws `INVALID_STACK` when base-passwd is missing or has the user's number already.
 */
export function accountEntries(user: StackUser, read: (path: string) => Buffer | undefined): readonly DebEntry[] {
  const passwd = linesOf(accountMasters.passwd, read).map(lockedOff);
  const group = linesOf(accountMasters.group, read).map(lockedOff);
  refuseTaken(passwd, user.uid, user.name);
  refuseTaken(group, user.gid, user.name);
  passwd.push(`${user.name}:x:${user.uid}:${user.gid}::/${user.home}:${user.shell}`);
  group.push(`${user.name}:x:${user.gid}:`);
  const shadow = passwd.map((line) => `${nameOf(line)}:*:${changedDay}:0:99999:7:::`);
  const gshadow = group.map((line) => `${nameOf(line)}:*::`);
  return [
    file("etc/group", 0o644, 0, group),
    file("etc/gshadow", 0o640, shadowGroup, gshadow),
    file("etc/passwd", 0o644, 0, passwd),
    file("etc/shadow", 0o640, shadowGroup, shadow),
    { path: user.home, type: "dir", mode: 0o755, uid: user.uid, gid: user.gid },
  ];
}

function linesOf(path: string, read: (path: string) => Buffer | undefined): string[] {
  const content = read(path);
  if (content !== undefined) return content.toString("utf8").trimEnd().split("\n");
  throw new TspackError("INVALID_STACK", `No package of the run image has /${path}`, {
    hint: "add base-passwd to packages.run in stack.toml",
  });
}

function lockedOff(line: string): string {
  return line.replace(/^([^:]*):[^:]*:/, "$1:x:");
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(":"));
}

function refuseTaken(lines: readonly string[], id: number, name: string): void {
  const taken = lines.find((line) => nameOf(line) === name || line.split(":")[2] === String(id));
  if (taken === undefined) return;
  throw new TspackError("INVALID_STACK", `The user ${name} (${id}) is there already: ${taken}`, {
    hint: "use another name and number in [user] of stack.toml",
  });
}

function file(path: string, mode: number, gid: number, lines: readonly string[]): DebEntry {
  return { path, type: "file", mode, uid: 0, gid, content: Buffer.from(`${lines.join("\n")}\n`) };
}
