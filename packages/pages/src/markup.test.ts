import { expect } from 'chai';
import { dataBlock, markup, trusted } from './markup.js';

const HOSTILE = `</script><img src=x onerror="alert('x')"> &amp;`;

describe('markup', () => {
  it('escapes strings in text and in attributes', () => {
    expect(markup`<b title="${HOSTILE}">${HOSTILE}</b>`.text).to.equal(
      '<b title="&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;x&#39;)&quot;&gt; &amp;amp;">' +
        '&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;x&#39;)&quot;&gt; &amp;amp;</b>',
    );
  });

  it('keeps markup, lists of markup and trusted text as they are', () => {
    const items = ['a', '<'].map((item) => markup`<li>${item}</li>`);
    expect(markup`<ul>${items}</ul>${trusted('<hr>')}${3}`.text).to.equal('<ul><li>a</li><li>&lt;</li></ul><hr>3');
  });

  it('embeds data that no string can end, and that reads back', () => {
    const { text } = dataBlock('data', { name: HOSTILE, other: '<!--<script>' });
    const json = /^<script type="application\/json" id="data">(.*)<\/script>$/s.exec(text)?.[1] ?? '';
    expect(json).not.to.include('<');
    expect(JSON.parse(json)).to.deep.equal({ name: HOSTILE, other: '<!--<script>' });
  });
});
