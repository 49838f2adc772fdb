import * as React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';

import { StatusIcon } from '../components/StatusIcon';
import { StageState, stateText } from './words';

/** How a stage stands, by shape as well as by colour. */
export function StageIcon(props: {
  state: StageState;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, trans } = props;
  const text = stateText(state, trans);
  if (state !== 'run' && state !== 'skipped') {
    const status = state === 'cached' ? 'finished' : state;
    return <StatusIcon status={status} trans={trans} />;
  }
  return (
    <svg
      className={`mlx-Status mlx-mod-${state}`}
      viewBox="0 0 16 16"
      role="img"
      aria-label={text}
    >
      <title>{text}</title>
      <circle cx="8" cy="8" r="6.5" className="mlx-Status-ground" />
      {state === 'skipped' ? (
        <path d="M5 8h6" className="mlx-Status-line" />
      ) : (
        <path d="m6.6 5.2 4 2.8-4 2.8z" className="mlx-Status-line" />
      )}
    </svg>
  );
}
