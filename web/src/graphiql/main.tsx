import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './page.css';
import { createRoot } from 'react-dom/client';
import { Failure } from './Failure';
import { Page } from './Page';
import { loadConfig } from '../config';

const root = createRoot(document.getElementById('root')!);

try {
  root.render(<Page config={await loadConfig()} />);
} catch (error) {
  root.render(<Failure reason={error instanceof Error ? error.message : String(error)} />);
}
