import { TspackError } from "../../errors.ts";
import { parseReference } from "../../oci/reference.ts";
import { isFilePlace } from "../image-places/parse-place.ts";
import { orNotHere } from "../require-image.ts";
import type { Tools } from "../tools.ts";
import { withPatience } from "./base-state.ts";
import { inspectHere, inspectImage, type Inspection } from "./inspect-image.ts";

/** What the registry and this machine have under one name. */
export interface InspectedSides {
  readonly local: Inspection | undefined;
  readonly remote: Inspection | undefined;
  /** Why the registry could not be asked; then there is a local image. */
  readonly remoteProblem: string | undefined;
}

/**
 * Reads both images of a name. What is here is shown without waiting long for a registry. Throws
 * `IMAGE_NOT_FOUND` when there is neither, and what keeps a registry from answering.
 */
export async function inspectSides(name: string, tools: Tools): Promise<InspectedSides> {
  const local = await inspectHere(name, tools);
  const isFile = isFilePlace(name);
  if (!isFile) {
    const ref = parseReference(name);
    // Images that tspack made itself are in no registry.
    if (ref.registry === "tspack.local" && local !== undefined) return { local, ...nothing };
    try {
      const asked = tools.registries.resolve(ref);
      const image = await (local === undefined ? orNotHere(name, asked) : withPatience(asked, name));
      const remote = image === undefined ? undefined : await inspectImage(name, image, tools);
      if (local !== undefined || remote !== undefined) return { local, remote, remoteProblem: undefined };
    } catch (error) {
      if (local === undefined || !(error instanceof TspackError) || error.code === "CANCELED") throw error;
      return { local, remote: undefined, remoteProblem: error.message };
    }
  } else if (local !== undefined) return { local, ...nothing };
  const where = isFile ? "" : ", neither on this machine nor in its registry";
  throw new TspackError("IMAGE_NOT_FOUND", `there is no image ${name}${where}`, {
    hint: "tspack images list shows the local ones",
  });
}

const nothing = { remote: undefined, remoteProblem: undefined };
