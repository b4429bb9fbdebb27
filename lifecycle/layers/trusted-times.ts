import { statfsSync } from "node:fs";

/**
 * File systems that set a file's change time at every write, also through a mapping of memory.
 * tmpfs does not, network file systems answer from a memory that may be old, and what is below
 * an overlay cannot be seen. statfs(2), `f_type`.
 */
const trusted: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0xf2f52010, // F2FS
  0x2fc12fc1, // ZFS
]);

/** Whether the times of files below a path tell that they were not touched. False when it is not known. */
export function hasTrustedTimes(path: string): boolean {
  try {
    // Some architectures extend the sign of a 32-bit number.
    return trusted.has(statfsSync(path).type >>> 0);
  } catch {
    return false;
  }
}

/** File systems give times of a clock that is up to a tick behind; milliseconds. */
export const clockLag = 20;
