import { readFileSync } from "node:fs";
import { TspackError } from "../../errors.ts";
import { fileInRootfs } from "../rootfs-files.ts";

/** Who a process is. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Reads `USER[:GROUP]` of an image's configuration or of `--user`, each a number or a name in the
 * image's `/etc/passwd` and `/etc/group`. Without a group it is the user's own, for an unknown
 * number 0, as in OCI's image configuration. Throws `INVALID_IMAGE` for names that are not there.
 */
export function userIn(rootfs: string, text: string): ProcessUser {
  const [user = "", group] = text === "" ? ["0", "0"] : text.split(/:(.*)/s, 2);
  const known = rowOf(rootfs, "/etc/passwd", user);
  const uid = numberOf(user) ?? numberOf(known?.[2]);
  const gid = group === undefined ? (numberOf(known?.[3]) ?? 0) : groupIn(rootfs, group);
  if (uid !== undefined && gid !== undefined) return { uid, gid };
  throw new TspackError("INVALID_IMAGE", `the image has no user ${JSON.stringify(text)}`, {
    hint: "--user takes numbers as well, such as --user 1000:1000",
  });
}

function groupIn(rootfs: string, group: string): number | undefined {
  return numberOf(group) ?? numberOf(rowOf(rootfs, "/etc/group", group)?.[2]);
}

/** The row of a name or a number. */
function rowOf(rootfs: string, path: string, key: string): readonly string[] | undefined {
  const file = fileInRootfs(rootfs, path);
  const rows = file === undefined ? [] : readFileSync(file, "utf8").split("\n");
  return rows.map((row) => row.split(":")).find((fields) => fields[0] === key || fields[2] === key);
}

/** Numbers of users are below 2^32 - 1, which means nobody. */
function numberOf(text: string | undefined): number | undefined {
  const number = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  return number !== undefined && number < 0xffffffff ? number : undefined;
}
