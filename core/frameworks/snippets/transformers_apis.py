"""A pre-trained language model with Hugging Face Transformers: name a model, tokenize, ask. It is an nn.Module."""

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

NAME = "distilbert-base-uncased-finetuned-sst-2-english"  # downloaded once, then kept

tokenizer = AutoTokenizer.from_pretrained(NAME)
model = AutoModelForSequenceClassification.from_pretrained(NAME).eval()
batch = tokenizer(["A lovely film.", "A waste of time."], padding=True, return_tensors="pt")
with torch.no_grad():
    p = torch.softmax(model(**batch).logits, dim=1)
print(model.config.id2label, p)  # fine-tuning: the same loop as for any other module
