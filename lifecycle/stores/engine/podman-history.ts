import { RemoteError } from "../../errors.ts";
import type { EngineConnection } from "./connection.ts";

/** What a config says of its making, as Podman's own API repeats it. */
export interface PodmanHistory {
  /** The time of the image; nothing when the config has none. */
  readonly created: unknown;
  /** Lines of the config, the oldest first. */
  readonly lines: readonly unknown[];
}

/** Any version that has the field: engines answer for older ones than their own. */
const ownApi = "/v4.0.0/libpod";

/**
 * The history of an image of which Podman can not tell it by Docker's API: Podman 4 answers 500 when
 * a line has no time. Undefined for an engine that is not Podman. Throws `ENGINE_UNREACHABLE`.
 */
export async function podmanHistory(engine: EngineConnection, name: string): Promise<PodmanHistory | undefined> {
  try {
    const answer = await engine.json({ method: "GET", path: `${ownApi}/images/${name}/json` });
    const { Created: created, History: lines } = (answer ?? {}) as {
      readonly Created?: unknown;
      readonly History?: unknown;
    };
    return Array.isArray(lines) ? { created: created ?? undefined, lines } : undefined;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** Whether the engine answered that it can not do it. */
export function isRefusal(error: unknown): error is RemoteError {
  return error instanceof RemoteError && error.code === "ENGINE_ERROR" && error.remote.status !== undefined;
}
