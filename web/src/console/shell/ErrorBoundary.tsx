import { Component, type ReactNode } from 'react';
import { messages } from '../messages';

interface State {
  hasError: boolean;
}

/** An error on one page must not take down the shell. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { hasError: false };

  static getDerivedStateFromError(): State {
    return { hasError: true };
  }

  override render() {
    if (!this.state.hasError) return this.props.children;
    return (
      <div className="notice error row" role="alert">
        <p>{messages.errors.page}</p>
        <button type="button" onClick={() => location.reload()}>
          {messages.common.reload}
        </button>
      </div>
    );
  }
}
