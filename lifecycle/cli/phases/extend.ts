import { TspackError } from "../../errors.ts";
import type { PhaseRun } from "./session.ts";

/** Extending images by Dockerfiles is not there yet; the refusal says so instead of doing half of it. */
export const runExtend: PhaseRun = () => {
  const error = new TspackError(
    "EXTEND_FAILED",
    "failed to extend: Dockerfiles of image extensions can not be applied yet",
    {
      hint: "use a builder without image extensions",
    },
  );
  return Promise.reject(error);
};
