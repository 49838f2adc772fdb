/**
 * Why a view of the project has nothing to show.
 */
import { Problem } from './wire';

export type Lacking =
  | { readonly kind: 'loading' }
  | { readonly kind: 'no-project' }
  /** The server does not know what is asked for, or nothing of us. */
  | { readonly kind: 'no-server' }
  | { readonly kind: 'failed'; readonly message: string };

/** What is lacking where a request failed. */
export function lackingOf({ kind, message }: Problem): Lacking {
  return kind === 'no-project' || kind === 'no-server'
    ? { kind }
    : { kind: 'failed', message };
}
