import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { EngineImageFacts } from "./images.ts";
import { runContainer } from "./containers.ts";
import type { BuildEngine } from "./with-engine.ts";

/** What systems say of a program for another processor. */
const foreign = /exec format error/i;

/**
 * Makes sure that the engine runs programs of a builder that is for another processor than its
 * machine's, before anything is built: one is started that only says its version. Throws
 * `RUNNER_UNAVAILABLE`, `ENGINE_ERROR`, `CANCELED`.
 */
export async function requireEmulation(
  builder: Pick<EngineImageFacts, "id" | "os" | "architecture">,
  { open, session }: BuildEngine,
  ctx: Context,
): Promise<void> {
  const { id: image, os, architecture } = builder;
  if (open.architecture === "" || architecture === open.architecture) return;
  const heard: string[] = [];
  const listen = (_stream: "stdout" | "stderr", bytes: Uint8Array): void =>
    void heard.push(Buffer.from(bytes).toString());
  const command = ["/cnb/lifecycle/detector", "-version"];
  const container = await session.container("platform", {
    ...{ image, command, env: {}, user: "0:0", binds: [], network: "none", confined: true },
  });
  try {
    await runContainer(session.engine, container, listen, ctx.signal);
  } catch (error) {
    // Podman does not even start it.
    if (!(error instanceof TspackError) || !foreign.test(error.message)) throw error;
    heard.push(error.message);
  }
  await session.removeContainer(container);
  if (!foreign.test(heard.join(""))) return;
  const message = `${open.name} is on ${open.os}/${open.architecture} and can not run programs for ${os}/${architecture}`;
  throw new TspackError("RUNNER_UNAVAILABLE", message, {
    hint: `install QEMU with binfmt on its machine (Debian: qemu-user-static), or build on a machine for ${os}/${architecture}`,
  });
}
