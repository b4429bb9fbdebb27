import { constants, existsSync } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError } from "../../errors.ts";
import type { Places } from "../places.ts";
import { readSettings } from "../settings.ts";
import type { Finding } from "./finding.ts";

/** A build of a small application and the default builder take about this. In bytes. */
const scarce = 2 * 1024 ** 3;

/** Whether what tspack keeps can be kept, and whether there is room for it. */
export async function placeFindings(places: Places): Promise<readonly Finding[]> {
  const rows = [
    ["images", places.images, "XDG_DATA_HOME"],
    ["caches", places.blobs, "XDG_CACHE_HOME"],
    ["settings", dirname(places.config), "XDG_CONFIG_HOME"],
  ] as const;
  const found = await Promise.all(rows.map(([name, path, variable]) => placeFinding(name, path, variable)));
  return [...found, settingsFinding(places.config)];
}

async function placeFinding(name: string, path: string, variable: string): Promise<Finding> {
  const directory = nearest(path);
  const canWrite = await access(directory, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!canWrite) {
    const remedy = `make it writable for this user, or set TSPACK_HOME or ${variable} to a directory that is`;
    return { area: "place", name, state: "failed", detail: `${path} can not be written`, remedy };
  }
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  const detail = `${path}, ${(free / 1e9).toFixed(1)} GB free`;
  if (free >= scarce || name === "settings") return { area: "place", name, state: "ok", detail };
  return {
    area: "place",
    name,
    state: "warning",
    detail,
    remedy: "tspack cache prune and tspack images prune make room",
  };
}

/** The path, or the directory above it that is there already. */
function nearest(path: string): string {
  let at = path;
  while (!existsSync(at)) at = dirname(at);
  return at;
}

function settingsFinding(path: string): Finding {
  if (!existsSync(path)) return { area: "settings", name: "config.toml", state: "ok", detail: "there is none" };
  try {
    readSettings(path);
    return { area: "settings", name: "config.toml", state: "ok", detail: path };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const issues = error.issues.map(({ source, path: key, expected }) => `${source} ${key}: expected ${expected}`);
    const detail = `${error.message}: ${issues.join("; ")}`;
    return { area: "settings", name: "config.toml", state: "failed", detail, remedy: `correct ${path}` };
  }
}
