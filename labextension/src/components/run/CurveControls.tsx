import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { ICurveView } from '../../curves';

/** How the curves below are drawn: by step or time, on a logarithmic scale, smoothed. */
export function CurveControls(props: {
  view: ICurveView;
  trans: TranslationBundle;
  onChange: (view: ICurveView) => void;
}): JSX.Element {
  const { view, trans, onChange } = props;
  return (
    <div
      className="mlx-Controls"
      role="group"
      aria-label={trans.__('How curves are drawn')}
    >
      <label>
        {trans.__('By')}
        <select
          value={view.x}
          onChange={event =>
            onChange({ ...view, x: event.target.value as ICurveView['x'] })
          }
        >
          <option value="step">{trans.__('step')}</option>
          <option value="time">{trans.__('time')}</option>
        </select>
      </label>
      <label>
        <input
          type="checkbox"
          checked={view.log}
          onChange={event => onChange({ ...view, log: event.target.checked })}
        />
        {trans.__('log scale')}
      </label>
      <label>
        {trans.__('Smoothing')}
        <input
          type="range"
          min={0}
          max={0.98}
          step={0.02}
          value={view.smoothing}
          onChange={event => onChange({ ...view, smoothing: Number(event.target.value) })}
        />
      </label>
    </div>
  );
}
