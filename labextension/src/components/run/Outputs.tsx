import * as React from 'react';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';

import { outputsWidget } from '../../outputs';

/** nbformat outputs as a notebook shows them, untrusted. */
export function Outputs(props: {
  outputs: readonly object[];
  rendermime: IRenderMimeRegistry;
}): JSX.Element {
  const { outputs, rendermime } = props;
  const box = React.useRef<HTMLDivElement>(null);
  React.useLayoutEffect(() => {
    const node = box.current;
    if (!node?.isConnected) {
      return;
    }
    const widget = outputsWidget(outputs, rendermime);
    Widget.attach(widget, node);
    return () => {
      if (widget.node.isConnected) {
        Widget.detach(widget);
      }
      widget.dispose();
    };
  }, [outputs, rendermime]);
  return <div ref={box} className="mlx-Outputs" />;
}
