import type { LockedPackage, StackLock } from "./lock.ts";

/** One package that two locks have in different versions, or only one of them has. */
export interface PackageChange {
  readonly name: string;
  /** The images that have it. */
  readonly images: readonly LockedPackage["image"][];
  /** Absent when the package is new. */
  readonly from?: string | undefined;
  /** Absent when the package is gone. */
  readonly to?: string | undefined;
  /** Bytes of the compressed package, more than before. */
  readonly size: number;
  /** Whether the new version comes from an archive of security updates. */
  readonly security: boolean;
}

/** The archive of stack.toml whose packages are security updates. */
const securityArchive = "security";

/**
 * What became different between the locks of a stack, those of the run image first, then by name.
 * A second lock is that of the stack which has the build image. Without an older lock all is new.
 */
export function compareLocks(
  before: readonly (StackLock | undefined)[],
  after: readonly StackLock[],
): readonly PackageChange[] {
  return after.flatMap((lock, index) => {
    const old = new Map(before[index]?.packages.map((each) => [each.name, each]));
    const now = new Map(lock.packages.map((each) => [each.name, each]));
    const imagesOf = ({ image }: LockedPackage): PackageChange["images"] => {
      if (after.length > 1) return index === 0 ? ["run"] : ["build"];
      return image === "run" ? ["run", "build"] : ["build"];
    };
    return [...new Set([...old.keys(), ...now.keys()])]
      .flatMap((name) => changeOf(old.get(name), now.get(name), imagesOf))
      .sort((a, b) => b.images.length - a.images.length || (a.name < b.name ? -1 : 1));
  });
}

/** Bytes of compressed packages by which each image grows. */
export function changedSizes(changes: readonly PackageChange[]): Readonly<Record<LockedPackage["image"], number>> {
  const sum = (image: LockedPackage["image"]): number =>
    changes.filter(({ images }) => images.includes(image)).reduce((total, { size }) => total + size, 0);
  return { run: sum("run"), build: sum("build") };
}

function changeOf(
  from: LockedPackage | undefined,
  to: LockedPackage | undefined,
  imagesOf: (locked: LockedPackage) => PackageChange["images"],
): readonly PackageChange[] {
  const one = to ?? from;
  // The same version with other bytes is a change, too: the lock pins bytes.
  if (one === undefined || (from?.sha256 === to?.sha256 && from?.image === to?.image)) return [];
  const size = (to?.size ?? 0) - (from?.size ?? 0);
  const security = to?.archive === securityArchive;
  return [{ name: one.name, images: imagesOf(one), from: from?.version, to: to?.version, size, security }];
}
