import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Where `npm start` listens, for the development server. */
const sluice = process.env.SLUICE_DEV_TARGET ?? 'http://127.0.0.1:8000'
/** Smaller files gain less than the second request header costs. */
const compressBytesMin = 1_024

export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the console works behind any path prefix; routes stand behind the hash for the same reason.
  base: './',
  plugins: [react(), precompress()],
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    target: 'es2023',
    // One file instead of a preload list in each page; browsers of the last years load modules in parallel anyway.
    modulePreload: { polyfill: false },
    manifest: true,
    // Fonts and images as data: URLs would need an exception in the content security policy.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ['/api', '/capture', '/batch', '/e/', '/i/', '/track', '/engage', '/health', '/_', '/metrics'].map((prefix) => [
        prefix,
        { target: sluice, changeOrigin: false },
      ]),
    ),
  },
})

/** Writes `.br` and `.gz` beside what is worth it, so that the server compresses nothing while it runs. */
function precompress() {
  let folder = ''
  return {
    name: 'sluice-precompress',
    apply: 'build',
    configResolved(config) {
      folder = path.resolve(config.root, config.build.outDir)
    },
    async closeBundle() {
      const files = await readdir(folder, { recursive: true, withFileTypes: true })
      const worth = files.filter((file) => file.isFile() && /\.(js|css|html|svg|json)$/.test(file.name))
      await Promise.all(worth.map((file) => compress(path.join(file.parentPath, file.name))))
    },
  }
}

async function compress(file) {
  const bytes = await readFile(file)
  if (bytes.length < compressBytesMin) return
  const brotliOptions = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }
  await writeFile(`${file}.br`, await promisify(brotliCompress)(bytes, brotliOptions))
  await writeFile(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }))
}
