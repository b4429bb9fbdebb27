import type { ProgressStep } from "../../context.ts";
import type { LayerReport } from "../store.ts";

/** A layer on its way before its image is whole. */
export interface AheadUpload {
  readonly report: Promise<LayerReport>;
  /** Shows what is sent already, and all that follows. */
  readonly showIn: (step: ProgressStep) => void;
}

/** Layers on their way, or there, that no write of an image has counted yet: by `REGISTRY REPOSITORY DIGEST`. */
export type AheadUploads = Map<string, AheadUpload>;

/**
 * Begins a layer's upload, or gives the one that is under way. One that failed is forgotten, so
 * that the next to want it tries again.
 */
export function beginAhead(
  uploads: AheadUploads,
  key: string,
  send: (progress: Pick<ProgressStep, "advance">) => Promise<LayerReport>,
): AheadUpload {
  const known = uploads.get(key);
  if (known !== undefined) return known;
  let sent = 0;
  let shown: ProgressStep | undefined;
  const advance = (bytes: number): void => {
    if (shown === undefined) sent += bytes;
    else shown.advance(bytes);
  };
  const report = send({ advance });
  const showIn = (step: ProgressStep): void => {
    step.advance(sent);
    shown = step;
  };
  const upload = { report, showIn };
  uploads.set(key, upload);
  report.catch(() => uploads.delete(key));
  return upload;
}
