import { statSync } from "node:fs";
import type { Process } from "../../cnb/files/launch-toml.ts";
import { errorCode, TspackError } from "../../errors.ts";
import { type LayerEntry, packEntries } from "../../layers/pack-entries.ts";
import type { Layer } from "../../oci/layer.ts";
import { systemMessage } from "../system-message.ts";
import type { ExportPorts } from "./inputs.ts";

const launcherName = "/cnb/lifecycle/launcher";
const forbidden = "/><:|&\\";

/** The layer with the launcher, which belongs to root whoever builds. Throws `EXPORT_FAILED` when it is missing. */
export function packLauncher(path: string, { blobs, ctx }: Pick<ExportPorts, "blobs" | "ctx">): Promise<Layer> {
  checkLauncher(path);
  const entries = [
    rootDirectory("/cnb"),
    rootDirectory("/cnb/lifecycle"),
    { name: launcherName, type: "file", uid: 0, gid: 0, mode: 0o755, path } as const,
  ];
  return packEntries(entries, blobs, { signal: ctx.signal });
}

function checkLauncher(path: string): void {
  try {
    statSync(path);
  } catch (cause) {
    const why = `failed to stat launcher at path '${path}': stat ${path}: ${systemMessage(cause)}`;
    throw new TspackError("EXPORT_FAILED", `creating launcher layers: ${why}`, {
      cause,
      hint: errorCode(cause) === "ENOENT" ? "-launcher says where it is" : undefined,
    });
  }
}

/** The layer with a link to the launcher per process type, in the order of `metadata.toml`. Throws `EXPORT_FAILED`. */
export function packProcessTypes(
  processes: readonly Process[],
  { blobs, ctx }: Pick<ExportPorts, "blobs" | "ctx">,
): Promise<Layer> {
  const links = processes.map(({ type }): LayerEntry => {
    checkType(type);
    // The reference gives these links 0755 where links otherwise have 0777.
    return { name: `/cnb/process/${type}`, type: "symlink", linkname: launcherName, uid: 0, gid: 0, mode: 0o755 };
  });
  const entries = [rootDirectory("/cnb"), rootDirectory("/cnb/process"), ...links];
  return packEntries(entries, blobs, { signal: ctx.signal });
}

function checkType(type: string): void {
  if (type === "") throw new TspackError("EXPORT_FAILED", "creating layer '': type is required for all processes");
  if (!/[/><:|&\\]/.test(type) && type !== "." && type !== "..") return;
  throw new TspackError(
    "EXPORT_FAILED",
    `creating layer '': invalid process type '${type}': type may not contain characters '${forbidden}'`,
    { hint: "the type becomes a file name below /cnb/process" },
  );
}

function rootDirectory(name: string): LayerEntry {
  return { name, type: "dir", uid: 0, gid: 0, mode: 0o755 };
}
