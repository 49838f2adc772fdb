import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { Status } from '../wire';

/** The status in the words of the reader's language. */
export function statusText(status: Status, trans: TranslationBundle): string {
  switch (status) {
    case 'running':
      return trans.__('running');
    case 'finished':
      return trans.__('finished');
    case 'failed':
      return trans.__('failed');
    case 'interrupted':
      return trans.__('interrupted');
  }
}

/** A status told by shape as well as by colour. */
export function StatusIcon(props: {
  status: Status;
  trans: TranslationBundle;
}): JSX.Element {
  const text = statusText(props.status, props.trans);
  return (
    <svg
      className={`mlx-Status mlx-mod-${props.status}`}
      viewBox="0 0 16 16"
      role="img"
      aria-label={text}
    >
      <title>{text}</title>
      {SHAPES[props.status]}
    </svg>
  );
}

const SHAPES: Record<Status, JSX.Element> = {
  finished: (
    <>
      <circle cx="8" cy="8" r="7" className="mlx-Status-ground" />
      <path d="m4.8 8.2 2.2 2.2 4.2-4.6" className="mlx-Status-line" />
    </>
  ),
  failed: (
    <>
      <path
        d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z"
        className="mlx-Status-ground"
      />
      <path d="m5.5 5.5 5 5m0-5-5 5" className="mlx-Status-line" />
    </>
  ),
  interrupted: (
    <>
      <rect
        x="1.5"
        y="1.5"
        width="13"
        height="13"
        rx="2.5"
        className="mlx-Status-ground"
      />
      <path d="M6.2 5v6m3.6-6v6" className="mlx-Status-line" />
    </>
  ),
  running: (
    <>
      <circle cx="8" cy="8" r="6" className="mlx-Status-track" />
      <path d="M8 2a6 6 0 0 1 6 6" className="mlx-Status-arc" />
    </>
  )
};
