"""Every word on the page, in English and Portuguese.

``t(key)`` is a text the browser translates, for labels; ``say(request, key, ...)`` is a finished
sentence in the language the browser asked for, where numbers or names stand inside it.
"""

from __future__ import annotations

import re

import gradio as gr

from nst.settings import KNOBS, PRESETS

TITLE = "Neural style transfer: a photo becomes a painting"  # gradio does not translate a page's title

EN = {
    "heading": "# Turn a photo into a painting",
    "lead": "Choose a photo, tap a style. The photo is painted on this server and never sent anywhere else.",
    "tab_fast": "Fast",
    "tab_optimize": "Optimize",
    "photo": "Photo",
    "painting": "Painting",
    "try_photo": "Or try one of these",
    "style": "Style",
    "strength": "Strength",
    "strength_help": "0 leaves the photo as it is; 1 is the full style.",
    "stroke": "Brush",
    "stroke_help": "Size of the strokes: 0.5 is half as large, 2 twice.",
    "color": "Colors",
    "mix": "Mix several",
    "tiles": "Painting a large photo: part {done} of {total} done.",
    "fast_size": "Long side",
    "fast_size_help": "In pixels. Larger takes longer and has finer strokes.",
    "original": "Original",
    "paint": "Paint",
    "stop": "Stop",
    "leave_queue": "Stop waiting",
    "before_after": "Before and after",
    "png": "Download PNG",
    "jpeg": "Download JPEG",
    "more_knobs": "More settings",
    "from_fast": "Start from the fast result",
    "from_fast_help": "The photo is painted first in the style chosen under Fast.",
    "optimize_lead": "Slower and finer: any painting becomes the style, and you watch the photo turn into it.",
    "estimate": "Will take about {time} and {memory} GB of memory on {device}.",
    "estimate_memory": "Will take about {memory} GB of memory; how long it takes is known once the network is here.",
    "estimate_too_long": "Others wait for this machine, so {time} is the most: choose a smaller size or fewer steps.",
    "estimate_smaller": "Too little memory is free for this size: painted at {side} pixels and then enlarged.",
    "estimate_patches": "Painted in patches, as too little memory is free for the whole at once.",
    "go_on": "Go on from step {step} of {steps}",
    "more": "More style",
    "less": "Less style",
    "finer": "Finer",
    "nothing_unfinished": "There is nothing left to go on with. Choose Paint to begin anew.",
    "nothing_painted": "There is no result here yet to go on from. Choose Paint first.",
    "preset": "Ready-made settings",
    "preset_help": "From papers and programs; every knob can be turned afterwards.",
    "take_settings": "Take the settings from a result",
    "taken": "Its settings are back.",
    "other_painting": "Its painting was {name}, which is not the one chosen here.",
    "other_second": "It had a second painting, {name}, which is not the one chosen here.",
    "places_again": "It had a drawing of what goes where: take it from its own file, or draw anew.",
    "places": "A second painting, and what goes where",
    "second": "Second painting",
    "share": "Share of the second painting",
    "share_help": "Where neither has a place of its own, the two mix.",
    "draw": "What goes where",
    "draw_help": "Draw on the photo: orange takes the second painting, blue stays a photo. "
    "Where you draw nothing, the first painting goes, or a mixture of the two if nothing is orange.",
    "load_places": "Take a drawing from a file",
    "drawing": "Download the drawing",
    "layers": "Layers",
    "preset_usual": "The usual",
    "preset_paper": "Gatys et al. 2016, as in the paper",
    "preset_code": "Gatys et al., as in the authors' code",
    "preset_luminance": "Gatys et al. 2017, luminance only",
    "preset_matched": "Gatys et al. 2017, matched colors",
    "preset_transport": "Wasserstein-2 style",
    "preset_sketch": "Sketch",
    "preset_print": "Print",
    # sentences
    "example": "An example, painted on {device} in the style of {title}. Now choose a photo of your own.",
    "painted": "{title} · {width} × {height} px · {seconds} s on {device}",
    "no_photo": "Choose a photo first: drop one, take one, or tap an example.",
    "no_painting": "Choose a painting first: drop one, or tap an example.",
    "waiting": "Waiting for your turn: {ahead} ahead of you. Painting starts by itself.",
    "starting": "Mixing the colors…",
    "downloading": "Downloading the network VGG-19, this once: {done} of {total} MB",
    "step": "Step {step} of {steps}",
    "left": "about {time} left",
    "finished": "Finished: {steps} steps in {time} on {device}.",
    "stopped": "Stopped after step {step} of {steps}. The best picture so far is yours to keep.",
    "stopped_early": "Stopped before the first step.",
    "crowded": "Many people are painting right now. Try again in a minute, or use the Fast tab meanwhile.",
    "seconds": "{n} s",
    "minutes": "{n} min",
    "hours": "{n} h",
    "loss_content": "content",
    "loss_style": "style",
    "loss_smooth": "smoothness",
    "losses": "Distance to the goal, per step (logarithmic)",
    "bug": "Something went wrong on our side and was written to the log. Try again, perhaps with another photo.",
    "error_ImageError": "{detail}",
    "error_SettingsError": "{detail}",
    "error_WeightsUnavailable": "{detail}",
    "error_Cancelled": "Stopped.",
    "fast_stopped": "Stopped. The picture before is still yours.",
    "error_NSTError": "{detail}",
    "drawn_wind": "Wind",
    "drawn_tiles": "Tiles",
    "drawn_circles": "Circles",
    "photo_tower": "Tower",
    "photo_lion": "Lion",
    "photo_cheetah": "Cheetah",
} | {f"help_{name}": knob.help for name, knob in KNOBS.items()}

EN |= {f"source_{name}": preset.source for name, preset in PRESETS.items()}

EN |= {
    "knob_size": "Size",
    "knob_steps": "Steps",
    "knob_style_weight": "Style weight",
    "knob_content_weight": "Content weight",
    "knob_smoothness": "Smoothness",
    "knob_color": "Colors",
    "knob_start": "Start from",
    "knob_optimizer": "Step rule",
    "knob_pooling": "Pooling",
    "knob_edge": "Soft edge",
    "knob_seed": "Seed",
    "knob_stroke": "Brush",
    "knob_scales": "Scales",
    "knob_statistic": "Style as",
    "knob_content_layer": "Content layer",
    "knob_style_1": "Style layer 1",
    "knob_style_2": "Style layer 2",
    "knob_style_3": "Style layer 3",
    "knob_style_4": "Style layer 4",
    "knob_style_5": "Style layer 5",
    "choice_style": "The painting's",
    "choice_luminance": "The photo's own",
    "choice_match": "Matched to the photo",
    "choice_photo": "Photo",
    "choice_noise": "Noise",
    "choice_adam": "Adam",
    "choice_lbfgs": "L-BFGS",
    "choice_max": "Max",
    "choice_average": "Average",
    "choice_gram": "Gram matrices",
    "choice_wasserstein": "Transport",
    "choice_relu2_2": "relu2_2",
    "choice_relu3_2": "relu3_2",
    "choice_relu4_2": "relu4_2",
    "choice_relu5_2": "relu5_2",
}

PT = {
    "heading": "# Transforme uma fotografia numa pintura",
    "lead": "Escolha uma fotografia, toque num estilo. Tudo é pintado neste servidor; a fotografia não segue para "
    "mais lado nenhum.",
    "tab_fast": "Rápido",
    "tab_optimize": "Otimizar",
    "photo": "Fotografia",
    "painting": "Pintura",
    "try_photo": "Ou experimente uma destas",
    "style": "Estilo",
    "strength": "Intensidade",
    "strength_help": "0 deixa a fotografia como está; 1 é o estilo completo.",
    "stroke": "Pincel",
    "stroke_help": "Tamanho das pinceladas: 0,5 é metade, 2 é o dobro.",
    "color": "Cores",
    "mix": "Misturar vários",
    "tiles": "A pintar uma fotografia grande: parte {done} de {total} pronta.",
    "fast_size": "Lado maior",
    "fast_size_help": "Em píxeis. Quanto maior, mais demora e mais finas são as pinceladas.",
    "original": "Original",
    "paint": "Pintar",
    "stop": "Parar",
    "leave_queue": "Deixar de esperar",
    "before_after": "Antes e depois",
    "png": "Transferir PNG",
    "jpeg": "Transferir JPEG",
    "more_knobs": "Mais definições",
    "from_fast": "Começar pelo resultado rápido",
    "from_fast_help": "A fotografia é pintada primeiro no estilo escolhido em Rápido.",
    "optimize_lead": "Mais lento e mais apurado: qualquer pintura serve de estilo, e vê a foto transformar-se nela.",
    "estimate": "Vai demorar cerca de {time} e ocupar {memory} GB de memória em {device}.",
    "estimate_memory": "Vai ocupar cerca de {memory} GB de memória; quanto demora sabe-se quando a rede estiver aqui.",
    "estimate_too_long": "Há quem espere por esta máquina, por isso o máximo é {time}: escolha um tamanho menor "
    "ou menos passos.",
    "estimate_smaller": "Há pouca memória livre para este tamanho: pinta-se a {side} píxeis e depois amplia-se.",
    "estimate_patches": "Pinta-se por partes, porque há pouca memória livre para tudo de uma vez.",
    "go_on": "Continuar do passo {step} de {steps}",
    "more": "Mais estilo",
    "less": "Menos estilo",
    "finer": "Mais fino",
    "nothing_unfinished": "Não há nada por acabar. Escolha Pintar para começar de novo.",
    "nothing_painted": "Ainda não há aqui um resultado. Escolha primeiro Pintar.",
    "preset": "Definições prontas",
    "preset_help": "De artigos e programas; depois pode ajustar tudo.",
    "take_settings": "Usar as definições de um resultado",
    "taken": "As suas definições estão de volta.",
    "other_painting": "A sua pintura era {name}, que não é a escolhida aqui.",
    "other_second": "Tinha uma segunda pintura, {name}, que não é a escolhida aqui.",
    "places_again": "Tinha um desenho do que vai onde: carregue-o do seu ficheiro, ou desenhe de novo.",
    "places": "Uma segunda pintura, e o que vai onde",
    "second": "Segunda pintura",
    "share": "Parte da segunda pintura",
    "share_help": "Onde nenhuma tem lugar próprio, as duas misturam-se.",
    "draw": "O que vai onde",
    "draw_help": "Desenhe sobre a fotografia: laranja recebe a segunda pintura, azul continua fotografia. "
    "Onde nada desenhar fica a primeira pintura, ou uma mistura das duas se nada for laranja.",
    "load_places": "Carregar um desenho de um ficheiro",
    "drawing": "Transferir o desenho",
    "layers": "Camadas",
    "source_usual": "As deste programa.",
    "source_paper": "Gatys, Ecker & Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016: a "
    "partir de ruído, com agregação pela média e L-BFGS, num só tamanho. Os termos pesam como neste programa.",
    "source_code": "Gatys, PytorchNeuralStyleTransfer, 2017, o código dos autores: como no artigo, mas a partir da "
    "fotografia, com agregação pelo máximo e 500 passos. Os termos pesam como neste programa.",
    "source_luminance": "Gatys, Ecker, Bethge, Hertzmann & Shechtman, Controlling Perceptual Factors in Neural Style "
    "Transfer, CVPR 2017, secção 5: pinta-se só a luminância; as cores são as da fotografia.",
    "source_matched": "O mesmo artigo, secção 5 e suplemento: antes, as cores da pintura são ajustadas às da "
    "fotografia.",
    "source_transport": "Mroueh, Wasserstein Style Transfer, 2019: o estilo como distância 2-Wasserstein entre "
    "gaussianas, aqui como um termo do objetivo.",
    "source_sketch": "Para ver depressa.",
    "source_print": "Grande e demorada, para imprimir.",
    "preset_usual": "As habituais",
    "preset_paper": "Gatys et al. 2016, como no artigo",
    "preset_code": "Gatys et al., como no código dos autores",
    "preset_luminance": "Gatys et al. 2017, só a luminância",
    "preset_matched": "Gatys et al. 2017, cores ajustadas",
    "preset_transport": "Estilo Wasserstein-2",
    "preset_sketch": "Esboço",
    "preset_print": "Impressão",
    "example": "Um exemplo, pintado na {device} ao estilo de {title}. Escolha agora uma fotografia sua.",
    "painted": "{title} · {width} × {height} px · {seconds} s na {device}",
    "no_photo": "Escolha primeiro uma fotografia: largue uma aqui, tire uma, ou toque num exemplo.",
    "no_painting": "Escolha primeiro uma pintura: largue uma aqui, ou toque num exemplo.",
    "waiting": "À espera da sua vez; pessoas à sua frente: {ahead}. A pintura começa sozinha.",
    "starting": "A misturar as cores…",
    "downloading": "A transferir a rede VGG-19, só desta vez: {done} de {total} MB",
    "step": "Passo {step} de {steps}",
    "left": "faltam cerca de {time}",
    "finished": "Pronto: {steps} passos em {time}, processador: {device}.",
    "stopped": "Interrompida após o passo {step} de {steps}. A melhor imagem até agora é sua.",
    "stopped_early": "Interrompida antes do primeiro passo.",
    "crowded": "Há muita gente a pintar neste momento. Tente daqui a um minuto, ou use entretanto o separador Rápido.",
    "seconds": "{n} s",
    "minutes": "{n} min",
    "hours": "{n} h",
    "loss_content": "conteúdo",
    "loss_style": "estilo",
    "loss_smooth": "suavidade",
    "losses": "Distância ao objetivo, por passo (logarítmica)",
    "bug": "Algo correu mal do nosso lado e ficou registado. Tente de novo, talvez com outra fotografia.",
    "error_ImageError": "Esta imagem não pôde ser usada. Em inglês: {detail}",
    "error_SettingsError": "Um valor não é válido. Em inglês: {detail}",
    "error_WeightsUnavailable": "A rede VGG-19 tem de ser transferida uma vez de {source} e agora não foi possível. "
    "Em inglês: {detail}",
    "error_Cancelled": "Interrompida.",
    "fast_stopped": "Interrompida. A imagem anterior continua a ser sua.",
    "error_NSTError": "Não foi possível pintar. Em inglês: {detail}",
    "drawn_wind": "Vento",
    "drawn_tiles": "Mosaico",
    "drawn_circles": "Círculos",
    "photo_tower": "Torre",
    "photo_lion": "Leão",
    "photo_cheetah": "Chita",
    "help_size": "Lado maior da pintura, em píxeis.",
    "help_steps": "Passos em todas as escalas; com mais passos, o resultado aproxima-se mais do estilo da pintura.",
    "help_style_weight": "Com que força se segue o estilo da pintura.",
    "help_content_weight": "Com que força se conserva a estrutura da fotografia.",
    "help_smoothness": "Peso da variação total: um valor maior dá uma imagem mais calma, um menor, mais áspera.",
    "help_color": "Cores: as da pintura, as da fotografia, ou as da pintura ajustadas às da fotografia.",
    "help_start": "A imagem com que começa o primeiro passo.",
    "help_optimizer": "Método de cada passo: Adam, ou L-BFGS como no artigo.",
    "help_pooling": "Agregação da VGG-19; a média é mais suave, como no artigo.",
    "help_seed": "A mesma semente dá a mesma imagem no mesmo CPU.",
    "help_edge": "Largura da margem suave de um desenho, em percentagem do lado maior.",
    "help_stroke": "Tamanho das pinceladas: a pintura é vista tantas vezes maior.",
    "help_scales": "Tamanhos pintados um após outro, do menor ao maior; 1 é só o tamanho final.",
    "help_statistic": "O que é o estilo: matrizes de Gram; ou médias e covariâncias, comparadas por transporte.",
    "help_content_layer": "Camada que conserva a estrutura; uma mais funda conserva menos.",
    "help_style_1": "Parte da camada relu1_1 no estilo: cores e grão.",
    "help_style_2": "Parte da camada relu2_1: contornos.",
    "help_style_3": "Parte da camada relu3_1: pinceladas.",
    "help_style_4": "Parte da camada relu4_1: formas.",
    "help_style_5": "Parte da camada relu5_1: formas grandes.",
    "knob_size": "Tamanho",
    "knob_steps": "Passos",
    "knob_style_weight": "Peso do estilo",
    "knob_content_weight": "Peso do conteúdo",
    "knob_smoothness": "Suavidade",
    "knob_color": "Cores",
    "knob_start": "Começar por",
    "knob_optimizer": "Otimizador",
    "knob_pooling": "Agregação",
    "knob_edge": "Margem suave",
    "knob_seed": "Semente",
    "knob_stroke": "Pincel",
    "knob_scales": "Escalas",
    "knob_statistic": "O estilo como",
    "knob_content_layer": "Camada do conteúdo",
    "knob_style_1": "Camada de estilo 1",
    "knob_style_2": "Camada de estilo 2",
    "knob_style_3": "Camada de estilo 3",
    "knob_style_4": "Camada de estilo 4",
    "knob_style_5": "Camada de estilo 5",
    "choice_style": "As da pintura",
    "choice_luminance": "As da fotografia",
    "choice_match": "Ajustadas à fotografia",
    "choice_photo": "Fotografia",
    "choice_noise": "Ruído",
    "choice_adam": "Adam",
    "choice_lbfgs": "L-BFGS",
    "choice_max": "Máximo",
    "choice_average": "Média",
    "choice_gram": "Matrizes de Gram",
    "choice_wasserstein": "Transporte",
    "choice_relu2_2": "relu2_2",
    "choice_relu3_2": "relu3_2",
    "choice_relu4_2": "relu4_2",
    "choice_relu5_2": "relu5_2",
}

TEXTS = {"en": EN, "pt": PT}
I18N = gr.I18n(**TEXTS)
t = I18N


def language(request: gr.Request | None) -> str:
    """The browser's first language where this page speaks it, as its own labels choose; English otherwise."""
    asked = request.headers.get("accept-language", "") if request is not None and request.headers else ""
    code = re.split("[,;-]", asked.lower())[0].strip()
    return code if code in TEXTS else "en"


def say(request: gr.Request | None, key: str, **values: object) -> str:
    """The sentence ``key`` in the visitor's language, with ``values`` filled in."""
    return TEXTS[language(request)][key].format(**values)


def names(key: str) -> dict[str, str]:
    """A text in every language, for parts that translate themselves."""
    return {code: texts[key] for code, texts in TEXTS.items()}


def localized(request: gr.Request | None, number: str) -> str:
    """A number, written with the visitor's decimal sign."""
    return number.replace(".", ",") if language(request) == "pt" else number


def duration(request: gr.Request | None, seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 90:
        return say(request, "seconds", n=max(1, round(seconds)))
    if seconds < 90 * 60:
        return say(request, "minutes", n=round(seconds / 60))
    return say(request, "hours", n=round(seconds / 3600))
